"""The demo's data: years of a food wholesaler's exports, the same for the same seed to the last byte.

Not here: what is sold (demand.py) and how it is written (dialect.py, master_files.py). Run it as
``python -m examples.demo.generate FOLDER``.
"""

import argparse
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from datetime import date, timedelta
from decimal import Decimal
from itertools import chain
from pathlib import Path

from examples.demo.catalogue import make_customers, make_products
from examples.demo.demand import KINDS, House, trade
from examples.demo.dialect import DUPLICATE, HEADER_LINE, SPOILERS, day_text, words
from examples.demo.master_files import customers_csv, products_xlsx, stock_parquet
from examples.demo.trading_days import FOUNDED, is_open


@dataclass(frozen=True)
class Summary:
    """What one call wrote: rows by fate, and the totals of the clean ones, in EUR. Summaries can be added.

    Files that stood there already count nothing. ``rows`` = lines of every kind + rejected + duplicates.
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

    The period begins on the first of a month. A whole month is one sales file; the days of a month that is
    not over on ``until`` are one file each (none for a closed day), and a month begun so goes on so. What
    a day holds depends on seed, sizes and the day alone. A file that stands is never written again: a later
    ``until`` adds the new days and the newer stock, and in a new month the products and customers.

    Args:
        folder: the data folder; made if it is not there.
        seed: same seed, same bytes; ≥ 0.
        products: places in the assortment; successors come on top.
        customers: places for customers; those won in place of lost ones come on top.
        days: least number of days.
        until: last day.
        lines_per_day: sale lines on a normal weekday about the year 2024; volume grows by 6 % a year.
        dirty_share: share of rows that are dirty, 0 to 0.5; an eighth of them are duplicates.
        on_progress: called with files done and files in all, after each.

    Raises:
        ValueError: a size below 1, a share out of range, or a period that begins before 2019.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tiny = dict(products=5, customers=5, days=3, lines_per_day=20)
    ...     summary = generate(Path(folder), until=date(2024, 3, 3), **tiny)
    ...     again = generate(Path(folder), until=date(2024, 3, 3), **tiny)
    >>> summary.files[:3], again.files
    (('sales/sales_2024-03-01.csv', 'sales/sales_2024-03-02.csv', 'products/products_2024-03.xlsx'), ())
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
    goods, buyers = make_products(seed, products, horizon), make_customers(seed, customers, horizon)
    house = House(seed, lines_per_day, products, goods, buyers)
    planned = [name for name in _sales_files(folder, first, until) if not (folder / name[0]).exists()]
    masters = {
        f"products/products_{until:%Y-%m}.xlsx": lambda: products_xlsx(house, horizon),
        f"customers/customers_{until:%Y-%m}.csv": lambda: customers_csv(buyers, horizon),
        f"inventory/inventory_{until}.parquet": lambda: stock_parquet(house, until),
    }
    written: list[str] = []
    counts: Counter[str] = Counter()
    for done, (name, content) in enumerate(
        chain(_sales(house, planned, dirty_share, counts), masters.items()), start=1
    ):
        if not (folder / name).exists():
            _write(folder / name, content())
            written.append(name)
        if on_progress is not None:
            on_progress(done, len(planned) + len(masters))
    return _summary(tuple(written), counts)


def _validate(*, dirty_share: float, **sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, not {size}")
    if not 0 <= dirty_share <= 0.5:
        raise ValueError(f"dirty_share must lie between 0 and 0.5, not {dirty_share}")


def month_end(day: date) -> date:
    """The last day of that day's month.

    >>> month_end(date(2024, 2, 10))
    datetime.date(2024, 2, 29)
    """
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _sales_files(folder: Path, first: date, until: date) -> list[tuple[str, date, date]]:
    """Name, first and last day of every sales file of the period, in order of time."""
    files = []
    while first <= until:
        last = month_end(first)
        name = f"sales/sales_{first:%Y-%m}"
        if last <= until and not any(folder.glob(f"{name}-*.csv")):
            files.append((f"{name}.csv", first, last))
        else:
            days = [first + timedelta(days=n) for n in range((min(last, until) - first).days + 1)]
            files += [(f"{name}-{day:%d}.csv", day, day) for day in days if is_open(day)]
        first = last + timedelta(days=1)
    return files


def _sales(
    house: House, planned: list[tuple[str, date, date]], dirty_share: float, counts: Counter[str]
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Name and content of each planned sales file; ``counts`` grows with each day that is written."""
    if not planned:
        return
    texts = words(house)
    days = trade(house, planned[0][1], planned[-1][2])
    for name, first, last in planned:
        rows = [HEADER_LINE]
        for day, lines in days:
            if day >= first:
                text, counted = day_text(house.seed, day, lines, texts=texts, dirty_share=dirty_share)
                rows.append(text)
                counts.update(counted)
            if day >= last:
                break
        yield name, "".join(rows).encode


def _write(path: Path, content: bytes) -> None:
    """Put a whole file in place at once: a reader or a crash never sees half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _summary(files: tuple[str, ...], counts: Counter[str]) -> Summary:
    lines = Counter({kind: counts[kind] for kind in KINDS})
    rejected = Counter({rule: counts[rule] for rule in SPOILERS})
    euros = {name: Decimal(cents).scaleb(-2) for name, cents in counts.items() if name.endswith("_cents")}
    zero = Decimal("0.00")
    return Summary(
        files=files,
        rows=lines.total() + rejected.total() + counts[DUPLICATE],
        lines=lines,
        rejected=rejected,
        duplicates=counts[DUPLICATE],
        orders=counts["orders"],
        units=counts["units"],
        returned_units=counts["returned_units"],
        gross_sales=euros.get("gross_cents", zero),
        discounts=euros.get("discount_cents", zero),
        returns=-euros.get("return_cents", zero),
        charges=euros.get("charge_cents", zero),
        adjustments=euros.get("adjustment_cents", zero),
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo.generate", description="Write the demo's exports.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--products", type=int, default=120)
    parser.add_argument("--customers", type=int, default=300)
    parser.add_argument("--days", type=int, default=800)
    parser.add_argument(
        "--until",
        type=date.fromisoformat,
        default=date.today() - timedelta(days=1),
        help="default: yesterday",
    )
    parser.add_argument("--lines-per-day", type=int, default=180)
    parser.add_argument("--dirty-share", type=float, default=0.01)
    options = vars(parser.parse_args(arguments))
    try:
        summary = generate(**options)
    except ValueError as error:
        parser.error(str(error))
    rejected = summary.rejected.total()
    print(f"{len(summary.files)} files, {summary.rows:,} sales rows,", end=" ")
    print(f"of them {rejected:,} to reject and {summary.duplicates:,} duplicates")
    print(f"net revenue {summary.net_revenue:,} EUR in {summary.orders:,} orders")


if __name__ == "__main__":
    main()
