"""`daybreak up`: the database, the demo's data, the first night, then the stack until Ctrl-C.

Not here: supervising processes (stack/stack.py) and running a night (headless.py). Does not import dagster: that would
cost the supervisor 100 MB for as long as it runs.
"""

import contextlib
import signal
import subprocess
import sys
import webbrowser
from collections.abc import Callable
from datetime import datetime, timedelta

from rich.console import Console

from examples.demo.generate import generate
from orchestration.business import Business, load_business
from orchestration.database import database, enter_environment
from orchestration.settings import PROJECT_ROOT, Settings
from orchestration.stack.stack import Stack
from orchestration.summary import headline_kpis, headline_table
from orchestration.warehouse import connect, without_password

Say = Callable[[str], None]
STOP_SECONDS = 30
DEMO = PROJECT_ROOT / "examples" / "demo"


def run_up(settings: Settings, *, say: Say) -> None:
    """Run until told to stop.

    Raises:
        DaybreakError: the business folder is wrong, the database does not start, or another stack runs on this home.
    """
    business = load_business(settings.business_folder)
    # Until the stack takes over: SIGTERM ends us like Ctrl-C, which a shell may have had us ignore.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    with database(settings) as url:
        enter_environment(settings, url)
        if settings.business_folder == DEMO and settings.data is None:
            write_demo_data(settings, business, say)
        if not _is_published(url):
            say("running the first night")
            try:
                _first_night(say)
            except KeyboardInterrupt:
                return
        say("starting the Dagster UI")
        Stack(settings, url, say=say, on_ready=lambda ui: _show_screen(settings, url, ui)).run()


def write_demo_data(settings: Settings, business: Business, say: Say) -> None:
    """The demo shop's exports up to yesterday; the shop goes on, so a later start adds the days since."""
    yesterday = datetime.now(business.profile.zone).date() - timedelta(days=1)
    is_new = not settings.data_folder.exists()
    if is_new:
        say(f"generating the demo shop below {settings.data_folder}")
    written = generate(settings.data_folder, until=yesterday)
    if written.rows:
        say(f"demo shop: {len(written.files)} files, {written.rows:,} sales rows up to {yesterday}")


def _is_published(url: str) -> bool:
    with connect(url) as connection:
        return connection.execute("select from ops.publications limit 1").fetchone() is not None


def _first_night(say: Say) -> None:
    """In a process of its own; its progress is ours. A failed one is told, and the UI shows where."""
    # A session of its own: Ctrl-C reaches us alone, and we end the night, not every helper process it has.
    command = [sys.executable, "-m", "orchestration.cli", "nightly", "--progress-only"]
    night = subprocess.Popen(command, start_new_session=True)
    try:
        code = night.wait()
    except KeyboardInterrupt:
        say("stopping the night")
        _end(night)
        raise
    if code != 0:
        say("the first night failed; the Dagster UI shows where")


def _end(night: subprocess.Popen[bytes]) -> None:
    """Let the night roll back and say how it ended; one that takes too long is killed, and the next one recovers."""
    night.send_signal(signal.SIGINT)
    try:
        night.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        night.kill()
        night.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _show_screen(settings: Settings, url: str, ui: str) -> None:
    """The one screen that a start ends with."""
    console = Console(highlight=False)
    with connect(url) as connection:
        headline = headline_kpis(connection).to_dict("records")
    if headline:
        console.print(headline_table(headline))
    rows = (
        ("Dagster UI", ui),
        ("Database", f"{without_password(url)}  (with its password: daybreak url)"),
        ("Editions", str(settings.editions)),
        ("Stop", "Ctrl-C"),
    )
    for label, value in rows:
        console.print(f"[bold]{label:<11}[/] {value}", soft_wrap=True)
    _open_browser(ui)


def _open_browser(ui: str) -> None:
    """Open the UI where there is a screen; a text browser would take over the terminal."""
    with contextlib.suppress(webbrowser.Error):
        browser = webbrowser.get()
        if type(browser) is not webbrowser.GenericBrowser:
            browser.open(ui)
