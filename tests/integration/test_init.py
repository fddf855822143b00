"""`daybreak init` and the check of what it wrote: from a folder of strange files to a business that loads, or stops.

Not here: the guesses themselves (tests/unit/test_starter_guesses.py).
"""

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr
from rich.console import Console
from typer.testing import CliRunner

from examples.demo.generate import generate
from orchestration import cli
from orchestration.check import Finding, check_business
from orchestration.settings import Settings
from orchestration.starter.init import start


def begun(data: Path, tmp_path: Path, url: str) -> dict[str, Finding]:
    """The findings of a check of what was written for the files of a folder, by source."""
    started = start(tmp_path / "shop", [data], force=False, say=lambda text: None)
    settings = Settings(home=tmp_path, business=started.folder, data=started.data, database_url=SecretStr(url))
    return {finding.source: finding for finding in check_business(settings, say=lambda text: None)}


def test_the_demos_exports_are_mapped_without_a_word_of_help(tmp_path: Path, house_url: str) -> None:
    generate(tmp_path / "data", until=date(2024, 3, 31), days=40, lines_per_day=60, products=40, customers=60)
    findings = begun(tmp_path / "data", tmp_path, house_url)
    assert {name: finding.problem for name, finding in findings.items() if not finding.is_fine} == {}
    entities = {finding.entity for finding in findings.values()}
    assert {"sales_lines", "products", "customers", "invoices", "purchase_orders", "exchange_rates"} <= entities
    kinds = {total.kind for total in findings["sales"].judged.totals}
    assert {"sale", "return"} <= kinds


def export(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_money_in_words_dates_with_clocks_and_odd_blanks(tmp_path: Path, house_url: str) -> None:
    rows = "".join(
        f"R{n};{n % 3};{n % 28 + 1:02d}/01/2024 10:{n:02d};A-{n % 4};{n % 5 + 1};1.{n:03d},50 €;"
        f"{'n/a' if n % 2 else '31/01/2024 00:00'}\n"
        for n in range(60)
    )
    rows += "R99;1;30/02/2024 10:00;A-1;1;2,00 €;n/a\nR98;1;05/01/2024 10:00;A-1;-2;(10,00 €);n/a\n"
    export(tmp_path / "data" / "till.csv", "Beleg;Pos;Datum;Artikelnr;Menge;Betrag;Versanddatum\n" + rows)
    (finding,) = begun(tmp_path / "data", tmp_path, house_url).values()
    assert finding.problem is None
    assert (finding.rows_sampled, finding.rows_rejected) == (62, 1)
    totals = {total.kind: total.amount for total in finding.judged.totals}
    assert totals == {"sale": sum(Decimal(1000 + n) + Decimal("0.5") for n in range(60)), "return": Decimal(-10)}
    assert finding.judged.null_share["shipped_on"] == pytest.approx(31 / 61)


def test_a_guess_that_is_wrong_stops_in_the_check(tmp_path: Path, house_url: str) -> None:
    """Prices are missing altogether: nothing is invented for them."""
    rows = "".join(f"2024-01-{n % 28 + 1:02d},item_{n % 5},CA_{n // 28},{n % 9}\n" for n in range(56))
    export(tmp_path / "data" / "sales_by_store.csv", "date,item_id,store_id,sales\n" + rows)
    (finding,) = begun(tmp_path / "data", tmp_path, house_url).values()
    assert not finding.is_fine
    assert finding.problem is not None
    assert finding.problem == 'no column is named yet for unit_price: put it in sources.yaml in place of the "?"'


def test_the_command_shows_what_it_found_and_checks_it(
    tmp_path: Path, house_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"HOME": tmp_path / "home", "DATABASE_URL": house_url, "BUSINESS": "", "DATA": ""}.items():
        monkeypatch.setenv(f"DAYBREAK_{name}", str(value))
    rows = "".join(f"{n // 2},{n % 2 + 1},2024-01-{n % 28 + 1:02d},P{n % 5},2,1.50,red\n" for n in range(30))
    path = export(
        tmp_path / "data" / "sales_1.csv", "order_id,line_id,order_date,product_id,qty,unit_price,colour\n" + rows
    )
    strange = export(tmp_path / "data" / "colours.csv", "colour,shape\nred,round\n")
    screen = io.StringIO()
    monkeypatch.setattr(cli, "console", Console(file=screen, highlight=False))
    result = CliRunner().invoke(cli.app, ["init", str(tmp_path / "shop"), "--from", str(path), str(strange)])
    assert result.exit_code == 0, screen.getvalue()
    assert "sales\tsales_lines\tsales_1.csv" in screen.getvalue()
    assert "Not recognised: colours (" in screen.getvalue()
    assert (
        "compare with the system these come from: sale 90.00 (30 lines, 60 units), 2024-01-01 to 2024-01-28"
        in screen.getvalue()
    )
    assert "nothing reads: colour" in screen.getvalue()
    again = CliRunner().invoke(cli.app, ["init", str(tmp_path / "shop"), "--from", str(path)])
    assert "is there already" in str(again.exception)
    forced = CliRunner().invoke(cli.app, ["init", str(tmp_path / "shop"), "--from", str(path), "--force"])
    assert forced.exit_code == 0
