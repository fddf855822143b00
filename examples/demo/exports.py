"""Which files Hartwell & Lowe exports, and the one walk through time that fills those that are missing.

Not here: what is in them (dialect.py and the modules whose names end in files), putting them in place (generate.py).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from examples.demo.books import TAIL_DAYS, Books, half_years, years
from examples.demo.dialect import Words, sales_csv, words
from examples.demo.expense_files import expenses_csv, rates_csv
from examples.demo.exported import Exported, Span
from examples.demo.house import House
from examples.demo.master_files import customers_csv, products_xlsx
from examples.demo.override_files import overrides_csv
from examples.demo.people_files import reps_xlsx, stays_csv, territories_csv
from examples.demo.plan_files import cycles_csv, rep_targets_csv, submissions_csv, targets_xlsx
from examples.demo.price_files import costs_parquet, prices_parquet, promotions_xlsx
from examples.demo.supply_files import levels_parquet, locations_csv, suppliers_csv
from examples.demo.trade import Day, trade
from examples.demo.trading_days import is_open

SALES = "sales"
Content = Callable[[], Exported]


def month_end(day: date) -> date:
    """The last day of that day's month.

    >>> month_end(date(2024, 2, 10))
    datetime.date(2024, 2, 29)
    """
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


class Exports:
    """The files of a period below a folder, of which some may stand there already."""

    def __init__(self, house: House, folder: Path, first: date, until: date, *, dirty_share: float) -> None:
        self.house, self.folder, self.until, self.dirty_share = house, folder, until, dirty_share
        self.first = min([first, *_months_there(folder)])
        self.counts: Counter[str] = Counter()  # of the sales, see dialect.day_text
        self.books = Books(house, dirty_share)
        self.sales = [(name, span) for name, span in self._sales_files() if not self._is_there(name)]
        by_span = {span: self._missing_of(span) for span in half_years(self.first, until)}
        self.spans = {span: missing for span, missing in by_span.items() if missing}
        stock_name = f"inventory_levels/stock_{until}.parquet"
        self.stock = [] if self._is_there(stock_name) else [stock_name]
        self.plain = {name: content for name, content in self._plain_files().items() if not self._is_there(name)}
        in_spans = sum(len(missing) for missing in self.spans.values())
        self.n_missing = len(self.sales) + in_spans + len(self.stock) + len(self.plain)

    def missing(self) -> Iterator[tuple[str, Exported]]:
        """Name and content of every file that is missing: those of the days in the order of time, then the others."""
        yield from self._from_days()
        for name, content in self.plain.items():
            yield name, content()

    def _is_there(self, name: str) -> bool:
        return (self.folder / name).exists()

    def _missing_of(self, span: Span) -> dict[str, str]:
        """Name → folder of the files of a half-year that are missing."""
        names = {f"{kind}/{kind}_{span}{suffix}": kind for kind, (suffix, _) in self.books.files.items()}
        return {name: kind for name, kind in names.items() if not self._is_there(name)}

    # day by day -----------------------------------------------------------------------------------------------------

    def _from_days(self) -> Iterator[tuple[str, Exported]]:
        starts = [span.first for _, span in self.sales[:1]]
        starts += [span.first - timedelta(days=TAIL_DAYS) for span in list(self.spans)[:1]]
        starts += [self.until] * len(self.stock)
        if not starts:
            return
        texts, sales, spans = words(self.house), list(self.sales), list(self.spans)
        days: list[Day] = []
        for day in trade(self.house, min(starts), self.until):
            if sales and day.date >= sales[0][1].first:
                days.append(day)
                if day.date == sales[0][1].last:
                    yield self._sales_file(sales.pop(0)[0], days, texts)
                    days = []
            if spans:
                self.books.take(day, is_told=day.date >= spans[0].first)
            if spans and day.date == spans[0].last:
                yield from self._of_span(spans[0])
                self.books.forget(spans.pop(0))
        for name in self.stock:
            yield name, levels_parquet(self.house, [(day.date, day.stock.on_hand, day.stock.on_order)])

    def _sales_file(self, name: str, days: list[Day], texts: Words) -> tuple[str, Exported]:
        content, counted = sales_csv(self.house, days, texts=texts, dirty_share=self.dirty_share)
        self.counts.update(counted)
        return name, Exported(content, 0)

    def _of_span(self, span: Span) -> Iterator[tuple[str, Exported]]:
        for name, kind in self.spans[span].items():
            yield name, self.books.files[kind][1](span)

    def _sales_files(self) -> Iterator[tuple[str, Span]]:
        """Name and days of every sales file of the period, in order of time."""
        first = self.first
        while first <= self.until:
            last = month_end(first)
            name = f"{SALES}/sales_{first:%Y-%m}"
            if last <= self.until and not any(self.folder.glob(f"{name}-*.csv")):
                yield f"{name}.csv", Span(first, last)
            else:
                days = [first + timedelta(days=n) for n in range((min(last, self.until) - first).days + 1)]
                yield from ((f"{name}-{day:%d}.csv", Span(day, day)) for day in days if is_open(day))
            first = last + timedelta(days=1)

    # from the catalogue and the calendar ------------------------------------------------------------------------------

    def _plain_files(self) -> dict[str, Content]:
        """Name → content of the files that follow from the catalogue and the calendar alone."""
        house, ends = self.house, month_end(self.until)
        files: dict[str, Content] = {
            f"products/products_{ends:%Y-%m}.xlsx": lambda: products_xlsx(house, ends),
            f"customers/customers_{ends:%Y-%m}.csv": lambda: customers_csv(house, ends),
            "suppliers/suppliers.csv": lambda: suppliers_csv(house),
            "locations/locations.csv": locations_csv,
            "territories/territories.csv": territories_csv,
            f"rep_territories/rep_territories_{ends:%Y-%m}.csv": lambda: stays_csv(house, ends),
        }
        for year in range(self.first.year, self.until.year + 1):
            as_of = min(date(year, 12, 31), ends)
            files[f"sales_reps/sales_reps_{as_of:%Y-%m}.xlsx"] = _of_day(reps_xlsx, house, as_of)
            files[f"targets/targets_{year}.xlsx"] = _of_year(house, year)
        for span in years(self.first, self.until):
            files |= self._files_of_year(span)
        return files

    def _files_of_year(self, span: Span) -> dict[str, Content]:
        house, dirty_share = self.house, self.dirty_share
        return {
            f"rep_targets/rep_targets_{span}.csv": lambda: rep_targets_csv(house, span),
            f"forecast_cycles/forecast_cycles_{span}.csv": lambda: cycles_csv(span),
            f"forecast_submissions/forecast_submissions_{span}.csv": lambda: submissions_csv(house, span, dirty_share),
            f"forecast_overrides/forecast_overrides_{span}.csv": lambda: overrides_csv(house, span),
            f"promotions/promotions_{span}.xlsx": lambda: promotions_xlsx(house, span),
            f"expenses/expenses_{span}.csv": lambda: expenses_csv(house, span, dirty_share),
            f"exchange_rates/exchange_rates_{span}.csv": lambda: rates_csv(span),
            f"product_costs/product_costs_{span}.parquet": lambda: costs_parquet(house, span),
            f"product_prices/product_prices_{span}.parquet": lambda: prices_parquet(house, span),
        }


def _of_day(write: Callable[[House, date], Exported], house: House, day: date) -> Content:
    return lambda: write(house, day)


def _of_year(house: House, year: int) -> Content:
    return lambda: targets_xlsx(house, year)


def _months_there(folder: Path) -> list[date]:
    """The first days of the months of which sales stand there: a house that has begun keeps its beginning."""
    stems = [path.stem.removeprefix("sales_")[:7] for path in folder.glob(f"{SALES}/sales_????-??*.csv")]
    return [date.fromisoformat(f"{stem}-01") for stem in stems]
