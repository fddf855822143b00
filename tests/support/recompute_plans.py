"""Targets reached and contribution margins, a second time: targets by day, expenses and promotions by what they name.

Not here: what was sold (recompute_sales.py), which must be computed after the plans and before what is made of both.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from tests.support.recompute_answers import Answers, answers_of
from tests.support.recompute_books import Books

Key = tuple[str | None, str | None, str | None]  # territory, rep, category

# Of several kinds of targets that name an entity the first that is there holds: its own; then by what else they name.
# Of the company: the one that names nothing, the territories', the reps', the categories'.
KINDS: list[tuple[bool, bool, bool]] = [
    (False, False, False), (True, False, False), (False, True, False), (False, False, True),
    (True, True, False), (True, False, True), (False, True, True), (True, True, True),
]  # fmt: skip
GRAINS = ("territory", "rep", "category")

EXPENSES = """
create table direct as
select grain, entity, start, until, sum(amount) as direct_expenses
from (
    select expenses.*, coalesce(expenses.territory, rep_spells.territory) as place
    from expenses
    left join rep_spells on rep_spells.rep = expenses.rep
        and expenses.day between rep_spells.since and coalesce(rep_spells.last_day, date '2199-12-31')
    where expenses.rep is not null or expenses.territory is not null or channel is not null or campaign is not null
) as expenses,
unnest([
    {'grain': 'company', 'entity': 'company'}, {'grain': 'channel', 'entity': channel},
    {'grain': 'territory', 'entity': place}, {'grain': 'rep', 'entity': expenses.rep}
]) as named (of_),
(select distinct start, until from windows) as windows,
lateral (select of_.grain as grain, of_.entity as entity) as entities
where entity is not null and day between start and until
group by all
"""

PROMOTIONS = """
create table promoted as
select start, until, sum(
    cost::double * (least(last_day, until) - greatest(since, start) + 1) / (last_day - since + 1)
) as promotion_costs
from promotions
inner join (select distinct start, until from windows) as windows on since <= until and last_day >= start
group by all
"""

KPIS = """
with margins as (
    select
        grain, entity, start, until, net_revenue, target,
        coalesce(direct_expenses, 0) as direct_expenses,
        has_expenses and grain in ('company', 'channel', 'territory', 'rep') as is_known,
        case when is_known and (costed_lines > 0 or uncosted_lines = 0) then
            (costed_revenue - costs + charges - coalesce(direct_expenses, 0))::double
            - if(grain = 'company', coalesce(promotion_costs, 0), 0)
        end as margin
    from (
        select *, (select min(day) from expenses) <= until is true as has_expenses
        from (select * exclude (is_known) from measures where is_known)
    )
    left join direct using (grain, entity, start, until)
    left join promoted using (start, until)
    left join planned using (grain, entity, start, until)
)
select
    grain, entity, start, until,
    if(is_known, direct_expenses, null) as direct_expenses,
    margin as contribution_margin,
    100 * margin / nullif(net_revenue, 0)::double as contribution_margin_pct,
    100 * net_revenue::double / nullif(target, 0) as target_achievement_pct
from margins
union all by name
select grain, entity, start, until from measures where not is_known
"""


def prepare_plans(books: Books) -> None:
    """Targets, direct expenses and promotion costs of every window, and the entities that they name."""
    books.db.execute(EXPENSES)
    books.db.execute(PROMOTIONS)
    books.db.execute("""
        create table planned (grain varchar, entity varchar, start date, until date, target double)
    """)
    windows = books.db.execute("select distinct start, until from windows").fetchall()
    rows = list(_planned(_daily_targets(books), windows))
    if rows:
        books.db.executemany("insert into planned values (?, ?, ?, ?, ?)", rows)
    books.db.execute("""
        create table entities_of_plans as
        select distinct grain, entity from planned union select distinct grain, entity from direct
    """)


def plan_kpis(books: Books) -> Answers:
    """What is made of what was sold and of what was planned and spent."""
    return answers_of(books, KPIS)


def _daily_targets(books: Books) -> dict[tuple[str, str], dict[date, float]]:
    """Per grain and entity the revenue target of each day."""
    of_days: dict[Key, dict[date, tuple[int, float]]] = {}
    for key, since, until, amount in _spans(books):
        days = (until - since).days
        for n in range(days):
            day = since + timedelta(days=n)
            held = of_days.setdefault(key, {}).get(day)
            if held is None or days < held[0]:
                of_days[key][day] = (days, float(amount) / days)
    entities: dict[tuple[str, str], dict[date, dict[int, float]]] = {}
    for key, days_of_key in of_days.items():
        kind = KINDS.index((key[0] is not None, key[1] is not None, key[2] is not None))
        named = [("company", "company"), *((g, name) for g, name in zip(GRAINS, key, strict=True) if name is not None)]
        for entity in named:
            for day, (_, share) in days_of_key.items():
                by_kind = entities.setdefault(entity, {}).setdefault(day, {})
                by_kind[kind] = by_kind.get(kind, 0.0) + share
    return {entity: {day: by_kind[min(by_kind)] for day, by_kind in days.items()} for entity, days in entities.items()}


def _spans(books: Books) -> Iterator[tuple[Key, date, date, Any]]:
    """Each target's first day and the day after its last: the next one's first, if within a week of its end."""
    rows = books.db.execute("""
        select territory, rep, category, since, (since + to_months(months))::date as until, amount,
            lead(since) over (partition by territory, rep, category, months order by since) as next_since
        from targets where measure = 'net_revenue'
    """).fetchall()
    for territory, rep, category, since, until, amount, next_since in rows:
        is_followed = next_since is not None and abs((next_since - until).days) <= 7
        yield (territory, rep, category), since, next_since if is_followed else until, amount


def _planned(
    targets: dict[tuple[str, str], dict[date, float]], windows: list[tuple[date, date]]
) -> Iterator[tuple[str, str, date, date, float]]:
    for (grain, entity), shares in targets.items():
        for start, until in windows:
            days = [start + timedelta(days=n) for n in range((until - start).days + 1)]
            if all(day in shares for day in days):
                yield grain, entity, start, until, sum(shares[day] for day in days)
