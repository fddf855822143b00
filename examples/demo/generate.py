"""The demo's data: years of a food wholesaler's exports, the same for the same seed to the last byte.

Not here: which files there are (exports.py), what happens (trade.py) and how it is written. Run it as
``python -m examples.demo.generate FOLDER``.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

from examples.demo.demand import KINDS
from examples.demo.dialect import DUPLICATE, SPOILERS
from examples.demo.exports import SALES, Exports, month_end
from examples.demo.house import make_house
from examples.demo.sizes import sizes_for
from examples.demo.trading_days import FOUNDED


@dataclass(frozen=True)
class Summary:
    """What one call wrote: rows by fate, and the totals of the clean ones, in EUR. Summaries can be added.

    Files that stood there already count nothing. ``rows`` = sales lines of every kind + rejected + duplicates.
    ``net_revenue`` = gross sales − discounts − returns (returns are positive here, after their discount);
    charges and adjustments (negative) are not in it.
    """

    files: tuple[str, ...]
    rows: int
    lines: Counter[str]  # clean lines per kind: sale, return, charge, adjustment
    rejected: Counter[str]  # dirty rows per rule
    duplicates: int
    orders: int  # documents with at least one clean sale line
    units: int
    returned_units: int
    gross_sales: Decimal
    discounts: Decimal
    returns: Decimal
    charges: Decimal
    adjustments: Decimal
    other_rows: Counter[str]  # rows of all other files, per folder, those to reject included
    other_rejected: Counter[str]  # those of them that must be rejected

    @property
    def net_revenue(self) -> Decimal:
        """Gross sales − discounts − returns."""
        return self.gross_sales - self.discounts - self.returns

    def __add__(self, other: "Summary") -> "Summary":
        return Summary(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))


def generate(  # noqa: PLR0913 (the size of a business has that many sides; all but the folder by keyword)
    folder: Path,
    *,
    seed: int = 7,
    products: int = 120,
    customers: int = 300,
    days: int = 800,
    until: date,
    lines_per_day: int = 180,
    dirty_share: float = 0.01,
    on_progress: Callable[[int, int], None] | None = None,
) -> Summary:
    """Write the exports of at least ``days`` days up to and including ``until`` below ``folder``.

    The period begins on the first of a month, or where the sales that stand there begin. A whole month is one sales
    file; the days of a month that is not over on ``until`` are one file each (none for a closed day), and a month
    begun so goes on so. The other exports are about calendar half-years or years, as they stand on the last day that
    their name says. What a file holds depends on seed, sizes and its name alone. A file that stands is never written
    again: a later ``until`` adds the new days, and the newer state of the rest.

    Args:
        folder: the data folder; made if it is not there.
        seed: same seed, same bytes; ≥ 0.
        products: places in the assortment; successors come on top.
        customers: places for customers; those won in place of lost ones come on top.
        days: least number of days.
        until: last day.
        lines_per_day: sale lines on a normal weekday about the year 2024; volume grows by 6 % a year.
        dirty_share: share of sales rows that are dirty, 0 to 0.5; an eighth of them are duplicates. Of the rows of
            some other files a quarter of this share.
        on_progress: called with files done and files in all, after each.

    Raises:
        ValueError: a size below 1, a share out of range, or a period that begins before 2019.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tiny = dict(products=5, customers=5, days=3, lines_per_day=20)
    ...     summary = generate(Path(folder), until=date(2024, 3, 3), **tiny)
    ...     again = generate(Path(folder), until=date(2024, 3, 3), **tiny)
    >>> summary.files[:2], again.files
    (('sales/sales_2024-03-01.csv', 'sales/sales_2024-03-02.csv'), ())
    """
    _validate(
        products=products,
        customers=customers,
        days=days,
        lines_per_day=lines_per_day,
        dirty_share=dirty_share,
    )
    first = (until - timedelta(days=days - 1)).replace(day=1)
    if first < FOUNDED:
        raise ValueError(f"{days} days up to {until} begin on {first}: the house was founded on {FOUNDED}")
    horizon = month_end(until)
    house = make_house(seed, products=products, customers=customers, lines_per_day=lines_per_day, horizon=horizon)
    exports = Exports(house, folder, first, until, dirty_share=dirty_share)
    written: list[str] = []
    rows: Counter[str] = Counter()
    rejected: Counter[str] = Counter()
    for done, (name, exported) in enumerate(exports.missing(), start=1):
        _write(folder / name, exported.content)
        written.append(name)
        rows[_folder_of(name)] += exported.rows
        rejected[_folder_of(name)] += exported.rejected
        if on_progress is not None:
            on_progress(done, exports.n_missing)
    del rows[SALES], rejected[SALES]
    return _summary(tuple(written), exports.counts, +rows, +rejected)


def _folder_of(name: str) -> str:
    return name.partition("/")[0]


def _validate(*, dirty_share: float, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}")
    if not 0 <= dirty_share <= 0.5:
        raise ValueError(f"dirty_share must lie between 0 and 0.5, not {dirty_share}")


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in place at once: a reader or a crash never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _summary(files: tuple[str, ...], counts: Counter[str], rows: Counter[str], rejected: Counter[str]) -> Summary:
    lines = Counter({kind: counts[kind] for kind in KINDS})
    spoiled = Counter({rule: counts[rule] for rule in SPOILERS})
    euros = {name: Decimal(cents).scaleb(-2) for name, cents in counts.items() if name.endswith("_cents")}
    zero = Decimal("0.00")
    return Summary(
        files=files,
        rows=lines.total() + spoiled.total() + counts[DUPLICATE],
        lines=lines,
        rejected=spoiled,
        duplicates=counts[DUPLICATE],
        orders=counts["orders"],
        units=counts["units"],
        returned_units=counts["returned_units"],
        gross_sales=euros.get("gross_cents", zero),
        discounts=euros.get("discount_cents", zero),
        returns=-euros.get("return_cents", zero),
        charges=euros.get("charge_cents", zero),
        adjustments=euros.get("adjustment_cents", zero),
        other_rows=rows,
        other_rejected=rejected,
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo.generate", description="Write the demo's exports.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--lines", type=_count, help="about so many sales lines: chooses the four sizes that follow")
    for name in ("products", "customers", "days", "lines_per_day"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=_count)
    parser.add_argument(
        "--until",
        type=date.fromisoformat,
        default=date.today() - timedelta(days=1),
        help="default: yesterday",
    )
    parser.add_argument("--dirty-share", type=float, default=0.01)
    options = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        if "lines" in options:
            options = sizes_for(options.pop("lines"), options["until"]) | options
        summary = generate(**options, on_progress=_show)
    except ValueError as error:
        parser.error(str(error))
    rejected, other = summary.rejected.total(), summary.other_rows.total()
    print(f"{len(summary.files)} files, {summary.rows:,} sales rows,", end=" ")
    print(f"of them {rejected:,} to reject and {summary.duplicates:,} duplicates; {other:,} rows of everything else")
    print(f"net revenue {summary.net_revenue:,} EUR in {summary.orders:,} orders")


def _count(text: str) -> int:
    """A whole number as people type large ones: 10_000_000."""
    return int(text.replace(",", "_"))


def _show(done: int, total: int) -> None:
    """Progress on a terminal: one line that is written over."""
    if sys.stderr.isatty():
        print(f"\r{done} of {total} files", end="\n" if done == total else "", file=sys.stderr, flush=True)
    elif done * 10 // total != (done - 1) * 10 // total:
        print(f"{done} of {total} files", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
