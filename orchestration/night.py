"""One attempt of the night: its lease and fencing token, its as-of date, and the record of its stages.

Not here: what the stages do (defs/). A dead night is not a stopped night, so every writer proves with its token that it
is still the newest (ops.hold_lease in sql/ops.sql).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg

from orchestration.business import Business
from orchestration.errors import ContractError, DaybreakError, NightRunningError
from orchestration.warehouse import Connection, connect, writing

# The session lock that says a night is alive: the server frees it when the night's process is gone.
ALIVE_LOCK = 7323901


@dataclass(frozen=True)
class Counts:
    """How many rows a stage read, wrote and rejected."""

    read: int = 0
    written: int = 0
    rejected: int = 0


@dataclass(frozen=True)
class Night:
    """The attempt that holds the lease. ``connection`` carries its token; ``url`` opens more."""

    token: int
    run_id: str
    url: str
    connection: Connection
    business: Business

    @property
    def as_of_date(self) -> date:
        """The as-of date of this attempt. Raises ContractError before ``set_as_of``."""
        row = self.connection.execute("select as_of_date from ops.nights where token = %s", [self.token]).fetchone()
        if row is None or row[0] is None:
            raise ContractError(
                "this run has no as-of date yet",
                remedy="run the whole night: ops/nights sets it, after the ingestion",
            )
        as_of: date = row[0]
        return as_of

    def set_as_of(self, wanted: date | None) -> date:
        """Fix the as-of date: ``wanted``, or what business.yaml's as_of rule says of the loaded sales.

        Raises:
            ContractError: no sales line is loaded that the night could be about.
        """
        last = self.connection.execute(
            "select max(order_date) from raw.sales_lines "
            "where line_kind = 'sale' and (%(d)s::date is null or order_date <= %(d)s)",
            {"d": wanted},
        ).fetchone()
        if last is None or last[0] is None:
            raise ContractError(
                "no sales line is loaded" + (f" up to {wanted}" if wanted else ""),
                remedy="see that sources.yaml's globs find the sales files (daybreak check)",
            )
        today = datetime.now(self.business.profile.zone).date()
        if wanted is not None and wanted > today:
            raise ContractError(f"the night cannot be about {wanted}: today is {today}", remedy="name a past day")
        as_of: date = wanted or last[0]
        if wanted is None and self.business.profile.as_of == "yesterday":
            as_of = today - timedelta(days=1)
        with writing(self.connection):
            self.connection.execute("update ops.nights set as_of_date = %s where token = %s", [as_of, self.token])
        return as_of

    @contextmanager
    def stage(self, name: str) -> Iterator["StageRecord"]:
        """Time a stage and record its counts when it ends well."""
        record = StageRecord()
        started_at = datetime.now(UTC)
        yield record
        with writing(self.connection):
            self.connection.execute(
                """insert into ops.stage_runs (token, stage, started_at, rows_read, rows_written, rows_rejected)
                   values (%s, %s, %s, %s, %s, %s)
                   on conflict (token, stage) do update set started_at = excluded.started_at,
                   finished_at = clock_timestamp(), rows_read = excluded.rows_read,
                   rows_written = excluded.rows_written, rows_rejected = excluded.rows_rejected""",
                [
                    self.token,
                    f"{name}, in part" if record.is_partial else name,
                    started_at,
                    record.counts.read,
                    record.counts.written,
                    record.counts.rejected,
                ],
            )

    def begin_build(self, fingerprint: str) -> None:
        """Note with what code the facts are built from here on, whether or not the build ends well."""
        with writing(self.connection):
            self.connection.execute(
                "update ops.nights set built_fingerprint = %s where token = %s", [fingerprint, self.token]
            )

    def has_run(self, *stages: str) -> bool:
        """Whether every one of ``stages`` ended well in this attempt."""
        done = self.connection.execute("select stage from ops.stage_runs where token = %s", [self.token]).fetchall()
        return set(stages) <= {row[0] for row in done}

    def finish(self, status: str, message: str | None = None) -> None:
        """Record how the attempt ended; does nothing if it is recorded already."""
        with writing(self.connection):
            self.connection.execute(
                """update ops.nights set status = %s, message = %s, finished_at = clock_timestamp()
                   where token = %s and status = 'running'""",
                [status, message, self.token],
            )


@dataclass
class StageRecord:
    """What a running stage fills in."""

    counts: Counts = Counts()
    is_partial: bool = False  # the record then says so, and the stage does not count as done


@contextmanager
def lease(url: str, *, run_id: str, business: Business) -> Iterator[Night]:
    """Take the lease for one run: end what an earlier run left behind, and fence it off.

    Raises:
        NightRunningError: another night is alive.
    """
    with connect(url) as keeper:
        if not keeper.execute("select pg_try_advisory_lock(%s)", [ALIVE_LOCK]).fetchone()[0]:  # type: ignore[index]
            raise _somebody_else(keeper)
        try:
            token = _next_token(keeper, run_id, business)
            with connect(url, token=token) as connection:
                night = Night(token=token, run_id=run_id, url=url, connection=connection, business=business)
                try:
                    yield night
                finally:
                    # A run that ends without having said so did not reach its end; if this fails, the next night
                    # says it.
                    with suppress(DaybreakError, psycopg.Error):
                        night.finish("failed", "the run ended before the night did")
        finally:
            # closing alone frees it when the server gets to it, and the next night may be quicker
            with suppress(psycopg.Error):
                keeper.execute("select pg_advisory_unlock(%s)", [ALIVE_LOCK])


def _next_token(keeper: Connection, run_id: str, business: Business) -> int:
    """End the sessions of dead nights, then raise the token: whoever survives is refused from now on."""
    keeper.execute(
        """select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and application_name like 'daybreak night %'
             and pid <> pg_backend_pid()"""
    )
    with keeper.transaction():
        row = keeper.execute("update ops.lease set token = token + 1 returning token").fetchone()
        token: int = row[0]  # type: ignore[index]
        keeper.execute(
            "update ops.nights set status = 'abandoned', finished_at = clock_timestamp() where status = 'running'"
        )
        keeper.execute("insert into ops.nights (token, run_id) values (%s, %s)", [token, run_id])
        _state_business(keeper, business)
    return token


def check_whose(connection: Connection, business: Business) -> None:
    """Raise ContractError if the warehouse belongs to another business."""
    row = connection.execute("select name from ops.business").fetchone()
    if row is not None and row[0] != business.profile.name:
        raise ContractError(
            f"this warehouse belongs to {row[0]!r}, the business folder says {business.profile.name!r}",
            remedy="give every business its own DAYBREAK_HOME (or DAYBREAK_DATABASE_URL)",
        )


def _state_business(keeper: Connection, business: Business) -> None:
    """Write what dbt needs to know of the business; refuses a warehouse that belongs to another one."""
    check_whose(keeper, business)
    profile = business.profile
    keeper.execute(
        """insert into ops.business
               (name, currency, time_zone, locale, fiscal_year_start_month, first_weekday, carrying_cost_pct,
                forecast_years_ahead)
           values (%s, %s, %s, %s, %s, %s, %s, %s)
           on conflict (only_row) do update set currency = excluded.currency, time_zone = excluded.time_zone,
           locale = excluded.locale, fiscal_year_start_month = excluded.fiscal_year_start_month,
           first_weekday = excluded.first_weekday, carrying_cost_pct = excluded.carrying_cost_pct,
           forecast_years_ahead = excluded.forecast_years_ahead""",
        [
            profile.name, profile.currency, profile.time_zone, profile.locale,
            profile.fiscal_year_start_month, profile.first_weekday_number, profile.carrying_cost_pct,
            profile.forecast.years_ahead,
        ],
    )  # fmt: skip


def _somebody_else(keeper: Connection) -> NightRunningError:
    row = keeper.execute(
        "select token, run_id, started_at from ops.nights where status = 'running' order by token desc limit 1"
    ).fetchone()
    who = (
        f"night {row[0]} (run {row[1]}) has been running since {row[2]:%Y-%m-%d %H:%M:%S} UTC"
        if row
        else "a writer is at work"
    )
    return NightRunningError(
        f"another night holds the lease: {who}", remedy="wait for it to end, or stop it in the Dagster UI"
    )
