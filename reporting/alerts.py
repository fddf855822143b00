"""The wording of messages to people, as values: what happened, why and what to do first, in plain language.

Not here: sending (the outbox does that), or deciding when to tell whom.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache

from jinja2 import Environment, StrictUndefined, Template

from reporting import style
from reporting.format import count, long_date, pct, stamp

MAX_SUBJECT = 150  # characters; mail programs show fewer, and a header line has at most 998 bytes
MAX_DETAIL = 2_000  # Slack cuts a section at 3,000 characters

# Tables and inline styles: mail programs know little else.
_HTML = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ subject }}</title></head>
<body style="margin:0;padding:24px;background:{{ style.SURFACE }};font-family:Helvetica,Arial,sans-serif;\
color:{{ style.INK }}">
<table role="presentation" width="600" align="center" cellpadding="0" cellspacing="0" \
style="background:{{ style.PAPER }};border-top:4px solid {{ colour }};width:600px;max-width:100%">
<tr><td style="padding:24px 28px">
<h1 style="margin:0 0 14px;font-size:19px;line-height:1.35;color:{{ style.BRAND }}">{{ headline }}</h1>
{%- for paragraph in paragraphs %}
<p style="margin:0 0 12px;font-size:14px;line-height:1.5;white-space:pre-line">{{ paragraph }}</p>
{%- endfor %}
{%- if facts %}
<table cellpadding="0" cellspacing="0" style="font-size:13px;margin:4px 0 14px">
{%- for name, value in facts %}
<tr><td style="padding:3px 18px 3px 0;color:{{ style.MUTED }};vertical-align:top">{{ name }}</td>\
<td style="padding:3px 0">{{ value }}</td></tr>
{%- endfor %}
</table>
{%- endif %}
{%- if link %}
<p style="margin:6px 0 0"><a href="{{ link }}" style="display:inline-block;padding:9px 16px;background:\
{{ style.BRAND }};color:{{ style.PAPER }};font-size:13px;text-decoration:none">{{ link_text }}</a></p>
{%- endif %}
</td></tr></table></body></html>
"""


@dataclass(frozen=True)
class Message:
    """One message in the forms its channels take: a mail's subject, text and HTML, and Slack's mrkdwn."""

    subject: str
    text: str
    html: str
    slack: str


@dataclass(frozen=True)
class _Content:
    headline: str
    paragraphs: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    link: str | None = None
    link_text: str = "Open the run"
    is_good: bool = False


def run_failed(
    *,
    business: str,
    stage: str,
    reason: str,
    remedy: str | None = None,
    at: datetime,
    link: str | None = None,
) -> Message:
    """A night failed: the reason and the remedy first. What was published before still stands.

    Args:
        business: its name. stage: where it failed, in words.
        reason: what went wrong; it may hold anything, also text from a source file.
        remedy: what to do about it, where that is known.
        at: when it failed. link: the run, an http or https address.

    Raises:
        ValueError: the link is no http(s) address.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> print(run_failed(business="Café", stage="Ingest", reason="sales.csv: no column 'qty'", at=at).text)
    Last night's run failed: Ingest
    <BLANKLINE>
    sales.csv: no column 'qty'
    <BLANKLINE>
    The reports and BI tables still show the last night that succeeded.
    <BLANKLINE>
    Business: Café
    Failed at: 1 Mar 2026 04:00 UTC
    """
    to_do = (f"What to do: {remedy}",) if remedy else ()
    after = "The reports and BI tables still show the last night that succeeded."
    facts = (("Business", business), ("Failed at", stamp(at)))
    return _message(
        f"{business}: last night's run failed ({stage})",
        _Content(f"Last night's run failed: {stage}", (reason, *to_do, after), facts, link),
    )


def source_stopped(*, business: str, source: str, reason: str, remedy: str | None = None, at: datetime) -> Message:
    """A source was refused and the night went on without it: its table stands as it stood before.

    Args:
        business: its name. source: as sources.yaml names it.
        reason: what is wrong with it; it may hold anything, also text from a source file.
        remedy: what to do about it, where that is known. at: when it was refused.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> source_stopped(business="Café", source="price_list", reason="prices.xlsx: no sheet 'P'", at=at).subject
    'Café: price_list was not taken in'
    """
    to_do = (f"What to do: {remedy}",) if remedy else ()
    after = (
        "Tonight's figures rest on what this source brought before. Every night tries its files again; "
        "this is said once."
    )
    facts = (("Business", business), ("Refused at", stamp(at)))
    return _message(
        f"{business}: {source} was not taken in",
        _Content(f"A source was not taken in: {source}", (reason, *to_do, after), facts),
    )


def source_changed(*, business: str, source: str, changes: Sequence[str], at: datetime) -> Message:
    """An export came in another shape, and was taken in: nothing is wrong yet, somebody should know.

    Args:
        business: its name. source: as sources.yaml names it.
        changes: what is new, a sentence each; they may hold anything, also text from a source file.
        at: when it was taken in.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> source_changed(business="Café", source="till", changes=["a.csv: a new column 'x'"], at=at).subject
    'Café: the export of till changed'
    """
    facts = (("Business", business), ("Taken in at", stamp(at)))
    after = "It was taken in all the same; this is said once."
    return _message(
        f"{business}: the export of {source} changed",
        _Content(f"An export changed: {source}", (*changes, after), facts),
    )


def night_published(
    *,
    business: str,
    as_of_date: date,
    published_at: datetime,
    highlights: Sequence[str] = (),
    rejected_rows: int = 0,
    link: str | None = None,
) -> Message:
    """A night was published: the figures in a few lines, and what was left out.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 1, 4, tzinfo=UTC)
    >>> night_published(business="Café", as_of_date=date(2026, 2, 28), published_at=at).subject
    'Café: figures up to 28 February 2026 are ready'
    """
    verb = "row" if rejected_rows == 1 else "rows"
    rejected = (
        (f"{count(rejected_rows)} source {verb} could not be used: see Data quality in the report.",)
        if rejected_rows
        else ()
    )
    listed = ("\n".join(f"• {line}" for line in highlights),) if highlights else ()
    headline = f"Figures up to {long_date(as_of_date)} are ready"
    facts = (("Business", business), ("Published", stamp(published_at)))
    content = _Content(headline, (*listed, *rejected), facts, link, link_text="Open the report", is_good=True)
    return _message(f"{business}: figures up to {long_date(as_of_date)} are ready", content)


def forecast_drifts(*, business: str, family: str, share_pct: float, worst: Sequence[str], as_of_date: date) -> Message:
    """The forecasts of a family of series have been wrong in one direction for too long.

    Args:
        business: its name. family: the series, in words. share_pct: of what they forecast, by volume, in per cent.
        worst: the largest series that drift, a line each. as_of_date: the night that noticed.

    >>> told = forecast_drifts(business="Café", family="weekly units per product", share_pct=31.4,
    ...                        worst=["Käse: too low"], as_of_date=date(2026, 2, 28))
    >>> told.subject
    'Café: the forecast of weekly units per product drifts'
    """
    listed = ("\n".join(f"• {line}" for line in worst),) if worst else ()
    what = (
        f"{pct(share_pct, decimals=0)} of what it forecasts, by volume, has been wrong in one direction for several "
        "periods, by more than its own intervals expect."
    )
    to_do = (
        "What to do: look for a change that the history does not show yet (a price, a customer won or lost, a new "
        "channel) and override the periods it concerns. This is said once, and again when it is over."
    )
    facts = (("Business", business), ("Figures up to", long_date(as_of_date)))
    return _message(
        f"{business}: the forecast of {family} drifts",
        _Content(f"The forecast of {family} drifts", (what, *listed, to_do), facts),
    )


def forecast_recovered(*, business: str, family: str, since: date, as_of_date: date) -> Message:
    """A drift that was an alert is over.

    >>> forecast_recovered(business="Café", family="daily revenue", since=date(2026, 2, 1),
    ...                    as_of_date=date(2026, 2, 28)).subject
    'Café: the forecast of daily revenue is right again'
    """
    text = f"It had drifted since {long_date(since)}; its errors are again of the size and direction that it expects."
    facts = (("Business", business), ("Figures up to", long_date(as_of_date)))
    headline = f"The forecast of {family} is right again"
    return _message(
        f"{business}: the forecast of {family} is right again", _Content(headline, (text,), facts, is_good=True)
    )


def no_publication(
    *, business: str, last_published_at: datetime | None, expected_by: datetime, link: str | None = None
) -> Message:
    """The watchdog's message: silence where a publication was due. The whole machine may stand still.

    >>> from datetime import UTC
    >>> due = datetime(2026, 3, 1, 6, tzinfo=UTC)
    >>> no_publication(business="Café", last_published_at=None, expected_by=due).text.splitlines()[0]
    'Nothing has ever been published'
    """
    since = f"since {stamp(last_published_at)}" if last_published_at else ""
    headline = f"Nothing has been published {since}" if since else "Nothing has ever been published"
    paragraphs = (
        f"New figures were due by {stamp(expected_by)}. Reports and BI tables are out of date.",
        "What to do: see whether the machine and the scheduler are running, then look at the last run. "
        "The next night takes up everything that was missed.",
    )
    last = stamp(last_published_at) if last_published_at else "never"
    content = _Content(headline, paragraphs, (("Business", business), ("Last published", last)), link)
    return _message(f"{business}: {headline[0].lower()}{headline[1:]}", content)


def _message(subject: str, content: _Content) -> Message:
    if content.link is not None and not re.fullmatch(r"https?://[^\s<>\"|]+", content.link):
        raise ValueError(f"not an http(s) address: {content.link!r:.100}")
    line = one_line(subject)
    headline = one_line(content.headline)
    paragraphs = tuple(p for p in map(_printable, content.paragraphs) if p.strip())
    facts = tuple((name, one_line(value)) for name, value in content.facts)
    colour = style.GOOD if content.is_good else style.BAD
    html = _template().render(
        subject=line, headline=headline, paragraphs=paragraphs, facts=facts, link=content.link,
        link_text=content.link_text, colour=colour, style=style,
    )  # fmt: skip
    return Message(
        line,
        _plain(headline, paragraphs, facts, content),
        html,
        _mrkdwn(headline, paragraphs, facts, content),
    )


@lru_cache(maxsize=1)
def _template() -> Template:
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(_HTML)


def _printable(text: str) -> str:
    """The text without control and direction-changing characters, cut with a mark."""
    kept = "".join(c if _is_shown(c) else "\ufffd" for c in text.replace("\r\n", "\n"))
    return kept if len(kept) <= MAX_DETAIL else kept[: MAX_DETAIL - 8] + " … [cut]"


def _is_shown(character: str) -> bool:
    """Printable, a line break, or one of the spaces that amounts are set with."""
    return character.isprintable() or character in "\n\t" or unicodedata.category(character) == "Zs"


def one_line(text: str) -> str:
    """Text for a header: whatever breaks a line becomes a space, over-long text is cut with an ellipsis.

    >>> one_line("Failed\\r\\nBcc: everybody@example.org")
    'Failed Bcc: everybody@example.org'
    """
    line = " ".join(_printable(" ".join(text.split())).split())
    return line if len(line) <= MAX_SUBJECT else line[: MAX_SUBJECT - 1] + "…"


def _plain(headline: str, paragraphs: Sequence[str], facts: Sequence[tuple[str, str]], content: _Content) -> str:
    listed = "\n".join(f"{name}: {value}" for name, value in facts)
    link = (f"{content.link_text}: {content.link}",) if content.link else ()
    return "\n\n".join([headline, *paragraphs, listed, *link])


def _mrkdwn(headline: str, paragraphs: Sequence[str], facts: Sequence[tuple[str, str]], content: _Content) -> str:
    listed = "\n".join(f"{name}: {slack_text(value)}" for name, value in facts)
    link = (f"<{content.link.replace('&', '&amp;')}|{content.link_text}>",) if content.link else ()
    bold = slack_text(headline).replace("*", "∗")  # an asterisk would end the bold
    return "\n\n".join([f"*{bold}*", *map(slack_text, paragraphs), listed, *link])


def slack_text(text: str) -> str:
    """Text that Slack shows as it is: its control characters escaped, and no mention of a whole channel.

    Escaping disarms <!channel>; a bare @channel gets an invisible word joiner, for hooks that link names.

    >>> slack_text("<!channel> a & b")
    '&lt;!channel&gt; a &amp; b'
    >>> "@here" in slack_text("@here")
    False
    """
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"@(?=channel|here|everyone|group)", "@\u2060", escaped, flags=re.IGNORECASE)
