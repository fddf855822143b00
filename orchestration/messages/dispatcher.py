"""The process that delivers what is due every ten seconds, outside Dagster; the stack's watchdog lives in it.

Not here: delivery itself (delivery.py), or the question when silence is an alert (watchdog.py).
"""

import logging
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from types import FrameType

import psycopg

from orchestration.business import load_business
from orchestration.errors import ConfigurationError, DaybreakError
from orchestration.messages.delivery import deliver_due
from orchestration.messages.outbox import purge
from orchestration.messages.transport import Transport, one_line
from orchestration.messages.watchdog import watch
from orchestration.settings import Settings
from orchestration.warehouse import Connection, connect, without_password

log = logging.getLogger("daybreak.dispatcher")

KEEP_DAYS = 90
WATCH_EVERY_SECONDS = 60.0
ALIVE = "dispatcher.alive"  # below the home; the health check of its container looks how old it is
STOP_GRACE_SECONDS = 1.5  # of the 2 s that a stop may take: enough for a mail server that is about to answer


class StopRequest:
    """SIGTERM and SIGINT: finish the message in hand; if that takes longer than the grace, break it off."""

    def __init__(self) -> None:
        self.requested = False

    def install(self) -> None:
        """Take over the signals of this process; to be called in its main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._request)
        signal.signal(signal.SIGALRM, self._break_off)

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True
        signal.setitimer(signal.ITIMER_REAL, STOP_GRACE_SECONDS)

    def _break_off(self, _number: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    def sleep(self, seconds: float) -> None:
        """Sleep, but notice a stop within a quarter of a second."""
        until = time.monotonic() + seconds
        while not self.requested and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.25))


def run(
    database_url: str,
    transport: Transport,
    supervise: Callable[[Connection], object],
    *,
    stop: StopRequest,
    poll_seconds: float = 10.0,
) -> None:
    """Deliver until stopped; a database that goes away is waited for, with growing pauses of at most 30 s.

    Args:
        database_url: the warehouse.
        transport: how messages leave.
        supervise: called with the connection about once a minute, for the watchdog.
        stop: says when to end.
        poll_seconds: pause between two passes.
    """
    for channel in {"email", "slack"} - set(transport.channels):
        log.info("%s is not configured: its messages wait in the outbox", channel)
    pause = 1.0
    while not stop.requested:
        try:
            with connect(database_url) as conn:
                next_watch = 0.0
                while not stop.requested:
                    if time.monotonic() >= next_watch:
                        supervise(conn)
                        next_watch = time.monotonic() + WATCH_EVERY_SECONDS
                    deliver_due(conn, transport, stopping=lambda: stop.requested)
                    pause = 1.0
                    stop.sleep(poll_seconds)
        except (psycopg.Error, DaybreakError) as error:
            log.warning("database: %s; again in %.0f s", without_password(one_line(str(error))), pause)
            stop.sleep(pause)
            pause = min(2 * pause, 30.0)


def supervise_business(settings: Settings, conn: Connection) -> None:
    """The minute's housekeeping: silence becomes an alert, old messages go.

    The business folder is read each time, so an edit of alerts.yaml counts at once. A folder that is broken
    at the moment must not stop the delivery of the very message that says so.
    """
    try:
        business = load_business(settings.business_folder)
    except DaybreakError as error:
        log.error("no watchdog while the business folder cannot be read: %s", error.message)
        return
    alerts, now = business.alerts, datetime.now(business.profile.zone)
    watch(conn, now=now, silence_hours=alerts.silence_hours, emails=alerts.email, slack=alerts.slack)
    purge(conn, KEEP_DAYS)


def main() -> None:
    """Run the dispatcher of the stack, on the database that ``DAYBREAK_DATABASE_URL`` names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = StopRequest()
    stop.install()
    settings = Settings()
    if settings.database_url is None:
        error = ConfigurationError("DAYBREAK_DATABASE_URL is not set", remedy="start the dispatcher with: daybreak up")
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code)
    settings.root.mkdir(parents=True, exist_ok=True)

    def supervise(conn: Connection) -> None:
        supervise_business(settings, conn)
        (settings.root / ALIVE).touch()

    run(settings.database_url.get_secret_value(), Transport.from_settings(settings), supervise, stop=stop)
    signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    main()
