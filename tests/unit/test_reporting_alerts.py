"""Messages: what they say, and that no text from outside can break out of them."""

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.alerts import (
    Message,
    night_published,
    no_publication,
    one_line,
    run_failed,
    slack_text,
)

AT = datetime(2026, 3, 18, 4, 5, tzinfo=UTC)
LINK = "https://daybreak.example.org/runs/1?a=1&b=2"


def _all(text: str, link: str | None = None) -> list[Message]:
    return [
        run_failed(business=text, stage=text, reason=text, remedy=text, at=AT, link=link),
        night_published(
            business=text,
            as_of_date=date(2026, 3, 17),
            published_at=AT,
            highlights=[text],
            rejected_rows=3,
            link=link,
        ),
        no_publication(business=text, last_published_at=AT, expected_by=AT, link=link),
    ]


def test_reason_and_remedy_come_first() -> None:
    message = run_failed(
        business="Café",
        stage="Ingest",
        reason="sales.csv:3: no 'qty'",
        remedy="Map it in sources.yaml.",
        at=AT,
        link=LINK,
    )
    lines = [line for line in message.text.splitlines() if line]
    assert lines[1:3] == ["sales.csv:3: no 'qty'", "What to do: Map it in sources.yaml."]
    assert lines[-1] == f"Open the run: {LINK}"
    assert f'href="{LINK.replace("&", "&amp;")}"' in message.html
    assert f"<{LINK.replace('&', '&amp;')}|Open the run>" in message.slack


def test_without_a_link_there_is_no_link() -> None:
    for message in _all("Café"):
        assert "href" not in message.html
        assert "Open the" not in message.text + message.slack


def test_silence_from_the_start_and_since() -> None:
    never = no_publication(business="Café", last_published_at=None, expected_by=AT)
    assert "ever been published" in never.subject
    since = no_publication(business="Café", last_published_at=AT, expected_by=AT)
    assert since.subject == "Café: nothing has been published since 18 Mar 2026 04:05 UTC"


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_rejected_rows_are_said_in_words(rows: int) -> None:
    message = night_published(business="C", as_of_date=date(2026, 3, 17), published_at=AT, rejected_rows=rows)
    said = re.search(r"(\d+) source (rows?) could", message.text)
    assert (said.groups() if said else None) == {0: None, 1: ("1", "row"), 2: ("2", "rows")}[rows]


@settings(max_examples=80)
@given(st.text(max_size=60))
def test_no_text_breaks_out(text: str) -> None:
    for message in _all(text + "\r\nBcc: x <script>alert(1)</script> <!channel> @here <@U1>"):
        assert not re.search(r"[\r\n\x85\u2028\u2029\x00-\x1f]", message.subject)
        assert len(message.subject) <= 150
        assert "<script" not in message.html
        assert not re.search(r"<[!@#]", message.slack)
        assert not re.search(r"@(channel|here|everyone)", message.slack, re.IGNORECASE)
        message.subject.encode()
        message.html.encode()


@pytest.mark.parametrize("mention", ["<!channel>", "<!here|here>", "@channel", "@HERE", "@Everyone", "<!subteam^S1>"])
def test_slack_mentions_nobody(mention: str) -> None:
    shown = slack_text(f"a {mention} b")
    assert "<" not in shown
    assert not re.search(r"@(channel|here|everyone)", shown, re.IGNORECASE)


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a b", 'https://a"onclick=1', "https://a|<b>", ""])
def test_only_http_links(link: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        run_failed(business="C", stage="s", reason="r", at=AT, link=link)


def test_an_endless_reason_is_cut_with_a_mark() -> None:
    message = run_failed(business="C", stage="s", reason="x" * 40_000, at=AT)
    assert "… [cut]" in message.text
    assert len(message.slack) < 3_000


def test_direction_changing_characters_do_not_pass_and_spaces_of_amounts_do() -> None:
    assert "\u202e" not in one_line("invoice\u202egpj.exe")
    message = night_published(
        business="C", as_of_date=date(2026, 3, 17), published_at=AT, highlights=["PLN\xa01\u202f234"]
    )
    assert "PLN\xa01\u202f234" in message.text
