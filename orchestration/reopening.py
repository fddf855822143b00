"""Which sales days count anew because what was said about them changed: a cost, a rep's territory, an exchange rate.

Not here: days whose own lines changed (ingestion/merge.py notes those while it loads).
"""

from orchestration.warehouse import Connection, writing

# What came with loads that no night has published yet, and from which day it holds. By load and not by time: what a
# failed night loaded is found again by the next one. An id's first span takes the place of what was known of it without
# spans, so that it counts from the beginning.
_NEWS = """
    with recent as (
        select load_id, entity from ops.loads
        where token > (select coalesce(max(token), 0) from ops.publications) and status in ('loaded', 'superseded')
    ),
    costs as (
        select product_id, case when valid_from = first_day then '-infinity' else valid_from end as valid_from
        from (select *, min(valid_from) over (partition by product_id) as first_day from raw.product_costs) as spans
        where _load_id in (select load_id from recent)
        union all
        select entity_key, coalesce(valid_from, '-infinity') from raw.attribute_changes
        where entity = 'products' and attribute = 'unit_cost' and _load_id in (select load_id from recent)
    ),
    territories as (
        select rep_id, case when valid_from = first_day then '-infinity' else valid_from end as valid_from
        from (select *, min(valid_from) over (partition by rep_id) as first_day from raw.rep_territories) as spans
        where _load_id in (select load_id from recent)
        union all
        select entity_key, coalesce(valid_from, '-infinity') from raw.attribute_changes
        where entity = 'sales_reps' and attribute = 'territory_id' and _load_id in (select load_id from recent)
    ),
    rates as (
        select unnest(array[from_currency, to_currency]) as currency, rate_date as valid_from from raw.exchange_rates
        where _load_id in (select load_id from recent)
    )"""

# The days of lines that the news is about. The first condition finds nothing by the index on the day where the news is
# of today, and reads no year before it.
_OPEN = """
    insert into ops.touched_days (token, day)
    select distinct %(token)s::bigint, lines.order_date
    from raw.sales_lines as lines
    inner join (select {key}, min(valid_from) as valid_from from {news} group by {key}) as news
        on {join} and lines.order_date >= news.valid_from
    where lines.order_date >= (select min(valid_from) from {news})
    on conflict do nothing"""

_SUBJECTS = {
    "costs": ("product_id", "lines.product_id = news.product_id"),
    "territories": ("rep_id", "lines.rep_id = news.rep_id and lines.territory_id is null"),
    "rates": ("currency", "lines.currency = news.currency"),
}


def reopen_days(connection: Connection, token: int) -> int:
    """Open the published sales days that unpublished costs, territories or rates change; returns how many days it was.

    Before the first publication there is nothing to do: every day is new then.
    """
    row = connection.execute("select exists (select from ops.publications)").fetchone()
    if row is None or not row[0]:
        return 0
    with writing(connection):
        return sum(
            connection.execute(_NEWS + _OPEN.format(news=news, key=key, join=join), {"token": token}).rowcount
            for news, (key, join) in _SUBJECTS.items()
        )
