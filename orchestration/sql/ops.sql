-- ops: the night's own records. Written by orchestration only; read by dbt (bi) and the alerts.
-- Every statement is idempotent: it runs at each start.
create schema if not exists ops;

create table if not exists ops.business (
    only_row boolean primary key default true check (only_row),
    name text not null,
    currency text not null,
    time_zone text not null,
    locale text not null,
    fiscal_year_start_month int not null check (fiscal_year_start_month between 1 and 12),
    first_weekday int not null check (first_weekday between 1 and 7)
);
-- what a year of holding stock costs, in percent of its value; null where business.yaml does not say
alter table ops.business add column if not exists carrying_cost_pct numeric check (carrying_cost_pct between 0 and 100);
-- whole years of the calendar after the last sale, for the farthest forecast
alter table ops.business add column if not exists forecast_years_ahead int not null default 2;
comment on table ops.business is 'One row: what business.yaml says, for dbt to read.';

create table if not exists ops.lease (
    only_row boolean primary key default true check (only_row),
    token bigint not null
);
insert into ops.lease (token) values (0) on conflict do nothing;
comment on table ops.lease is 'One row: the newest fencing token. A writer whose token is older must not write.';

create table if not exists ops.nights (
    token bigint primary key,
    run_id text not null,
    as_of_date date,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    status text not null default 'running' check (status in ('running', 'succeeded', 'failed', 'abandoned')),
    message text,
    built_fingerprint text
);
comment on table ops.nights is 'One row per attempt: a run that took the lease.';

create table if not exists ops.stage_runs (
    token bigint not null references ops.nights (token) on delete cascade,
    stage text not null,
    started_at timestamptz not null,
    finished_at timestamptz not null default clock_timestamp(),
    rows_read bigint not null,
    rows_written bigint not null,
    rows_rejected bigint not null,
    primary key (token, stage)
);
comment on table ops.stage_runs is 'One row per stage that finished in an attempt, with how many rows it read, wrote and rejected.';

create table if not exists ops.loads (
    load_id bigint generated always as identity primary key,
    token bigint not null,
    entity text not null,
    source text not null,
    file_path text not null,
    file_sha256 text not null,
    file_bytes bigint not null,
    file_mtime_ns bigint not null,
    mapping_sha256 text not null,
    status text not null check (status in ('loading', 'loaded', 'stopped', 'superseded')),
    rows_read bigint not null default 0,
    rows_inserted bigint not null default 0,
    rows_replaced bigint not null default 0,
    rows_duplicate bigint not null default 0,
    rows_rejected bigint not null default 0,
    is_joined boolean not null default false,
    message text,
    loaded_at timestamptz not null default clock_timestamp(),
    check (status in ('loading', 'stopped') or is_joined or rows_inserted + rows_replaced + rows_duplicate + rows_rejected = rows_read)
);
comment on column ops.loads.file_sha256 is
    'Of the content; where the mapping reads the name or the day of the file, of the content with these.';
create unique index if not exists loads_once on ops.loads (source, file_sha256) where status = 'loaded';
comment on table ops.loads is
    'One row per file taken in (loaded), refused (stopped) or gone from use (superseded: by a changed mapping, or by an older content that came back): read = inserted + replaced + duplicate + rejected; of a joined file, in which other files'' rows look their columns up, only read and rejected.';

-- of a live database: how far it was read, and the hash of the rows that the next look brings again if nothing changed
alter table ops.loads add column if not exists watermark text;
alter table ops.loads add column if not exists rows_sha256 text;

create table if not exists ops.source_shapes (
    load_id bigint primary key,
    source text not null,
    mapping_sha256 text not null,
    facts jsonb not null,
    notes text[] not null default '{}'
);
alter table ops.source_shapes drop column if exists is_accepted;
comment on table ops.source_shapes is
    'One row per file taken in, of the last ones of each source: what it looked like, against which the next file is held, and what was new about it.';

create table if not exists ops.accepted_sources (
    source text primary key,
    accepted_at timestamptz not null default clock_timestamp()
);
comment on table ops.accepted_sources is
    'One row per source whose next load is taken in as it looks, because a person said so; that load deletes it.';

create table if not exists ops.known_files (
    source text not null,
    file_path text not null,
    version text not null,
    contents text not null,
    primary key (source, file_path)
);
comment on table ops.known_files is
    'One row per source and file that was looked into: the hashes of its contents (a JSON object by name), which hold for as long as its size, time of change and tag are those of the version.';

create table if not exists ops.touched_days (
    token bigint not null,
    day date not null,
    published_token bigint,
    primary key (token, day)
);
create index if not exists touched_days_open on ops.touched_days (day) where published_token is null;
comment on table ops.touched_days is
    'One row per night and sales day that the night''s loading changed; open until a night publishes it.';

create or replace view ops.open_days as
    select distinct day from ops.touched_days where published_token is null;
comment on view ops.open_days is 'One row per sales day that changed since the last publication.';

create table if not exists ops.publications (
    token bigint primary key,
    as_of_date date not null,
    code_fingerprint text not null,
    is_full boolean not null,
    days_published bigint not null,
    published_at timestamptz not null default clock_timestamp()
);
comment on table ops.publications is 'One row per publication of bi: written in the transaction that changed bi.';

create table if not exists ops.editions (
    edition_id bigint generated always as identity primary key,
    token bigint not null,
    as_of_date date not null,
    report text not null,
    format text not null,
    file_path text not null,
    file_sha256 text not null,
    file_bytes bigint not null,
    created_at timestamptz not null default clock_timestamp(),
    unique (as_of_date, report, format)
);
comment on table ops.editions is 'One row per report edition that stands in the editions folder.';

create table if not exists ops.outbox (
    message_id bigint generated always as identity primary key,
    dedupe_key text not null,
    channel text not null check (channel in ('email', 'slack')),
    recipient text not null,
    subject text not null,
    body_text text not null,
    body_html text not null default '',
    created_at timestamptz not null default clock_timestamp(),
    attempts int not null default 0,
    next_attempt_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    given_up_at timestamptz,
    last_error text,
    unique (dedupe_key, channel, recipient)
);
create index if not exists outbox_due on ops.outbox (next_attempt_at) where sent_at is null and given_up_at is null;
comment on table ops.outbox is 'One row per message and recipient; the dispatcher sends what is due and says when it was sent.';

-- The fence. Every transaction that writes calls it first: it holds the lease row until commit, so a newer night
-- waits for this transaction (or ends it), and a writer whose token is no longer the newest is refused.
-- A session without a token (a developer's own dbt) may write only while no night runs.
create or replace function ops.hold_lease() returns bigint language plpgsql as $$
declare
    mine bigint := nullif(current_setting('daybreak.token', true), '')::bigint;
    newest bigint;
begin
    if mine is null then
        if not pg_try_advisory_xact_lock_shared(7323901) then
            raise exception 'a night is running: writing without its lease would mix two builds' using errcode = 'DB002';
        end if;
        return null;
    end if;
    perform set_config('application_name', 'daybreak night ' || mine, false);
    select token into newest from ops.lease for share;
    if mine <> newest then
        raise exception 'lease lost: this run holds token %, the newest is %', mine, newest using errcode = 'DB001';
    end if;
    return mine;
end
$$;
comment on function ops.hold_lease() is
    'Called first in every writing transaction: refuses a run that is no longer the newest (SQLSTATE DB001).';
