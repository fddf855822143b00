-- Between two neighbouring first or last days of windows and targets nothing begins or ends: such a span lies whole in a
-- window or a target, or not at all, and there are far fewer of them than days.
with windows as (
    select * from {{ ref('kpi_windows') }}
),

targets as (
    {{ ranked_targets() }}
),

spans as (
    select
        first_day,
        lead(first_day) over (order by first_day) as until
    from (
        select window_start as first_day from windows
        union
        select window_end + 1 from windows
        union
        select period_start from targets
        union
        select until from targets
    ) as boundaries
    where first_day between (select min(window_start) from windows) and (select max(window_end) + 1 from windows)
),

-- Of a year's and a month's target for the same thing the month's holds: the one for the fewest days.
finest as (
    select distinct on (kpi, territory_id, rep_id, category, first_day)
        targets.*,
        spans.first_day,
        spans.until - spans.first_day as n_days,
        target_value * (spans.until - spans.first_day) / (targets.until - period_start) as target
    from targets
    inner join spans on first_day >= period_start and spans.until <= targets.until
    order by kpi, territory_id, rep_id, category, first_day, targets.until - period_start, period_start desc
),

ranked as (
    select
        kpi,
        grain,
        entity,
        first_day,
        n_days,
        target,
        rank = min(rank) over (partition by kpi, grain, entity, first_day) as is_chosen
    from finest
    cross join {{ entities_of_target() }}
    where entity is not null
),

by_span as (
    select
        kpi,
        grain,
        entity,
        first_day,
        n_days,
        sum(target) as target
    from ranked
    where is_chosen
    group by kpi, grain, entity, first_day, n_days
)

select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    kpi,
    round(sum(target), 6) as target
from windows
inner join by_span on first_day between window_start and window_end
group by as_of_date, grain, entity, period, basis, kpi, window_start, window_end
-- a target for a part of the days says nothing of the whole
having sum(n_days) = window_end - window_start + 1
