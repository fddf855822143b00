-- Counts at any date come from the spans of activity, cut where a window begins or ends: each span is then one of a few
-- hundred kinds, and no window reads a customer again. What needs each customer's revenue is known from the profile for
-- two dates, the as-of date and one year before it.
with night as (
    select
        as_of_date,
        (as_of_date - interval '1 year')::date as year_ago,
        (select min(order_date) from {{ ref('agg_sales_daily') }}) as first_day,
        exists (select from {{ ref('stg_products') }}) or exists (select from {{ ref('stg_product_costs') }}) as has_costs
    from (select {{ latest_as_of_date() }} as as_of_date) as latest
),

cuts as (
    select array_agg(distinct cut order by cut) as cuts
    from {{ ref('kpi_windows') }}
    cross join lateral (values (window_start), (window_end + 1)) as ends (cut)
),

windows as (
    select
        all_windows.*,
        width_bucket(window_start, cuts) as first_piece,
        width_bucket(window_end, cuts) as last_piece,
        first_day,
        coalesce(window_end >= first_day, false) as is_known,
        has_costs,
        window_end = as_of_date as is_as_of,
        window_end in (as_of_date, year_ago) as is_state
    from {{ ref('kpi_windows') }} as all_windows
    cross join cuts
    cross join (select year_ago, first_day, has_costs from night) as dates
),

profiles as (
    select
        profile.*,
        segment,
        coalesce(territory_id, '(no territory)') as territory_id
    from {{ ref('customer_profile') }} as profile
    inner join {{ ref('dim_customer') }} using (customer_key)
),

entities as (
    select 'company' as grain, 'company' as entity
    union
    select grain, entity
    from profiles
    cross join lateral (values ('segment', segment), ('territory', territory_id)) as members (grain, entity)
),

-- How many spans of each kind: in which pieces they begin, lapse and are taken up again.
kinds as (
    select
        grain,
        entity,
        width_bucket(active_from, cuts) as began_in,
        width_bucket(lapsed_on, cuts) as lapsed_in,
        width_bucket(returned_on, cuts) as returned_in,
        span_number > 1 as is_return,
        count(*) as n_spans
    from {{ ref('customer_spans') }}
    cross join cuts
    inner join profiles using (customer_key)
    cross join lateral (
        values ('company', 'company'), ('segment', segment), ('territory', territory_id)
    ) as members (grain, entity)
    group by 1, 2, 3, 4, 5, 6
),

moves as (
    select
        period,
        basis,
        grain,
        entity,
        sum(n_spans) filter (where began_in < first_piece and (lapsed_in is null or lapsed_in >= first_piece)) as active_before,
        sum(n_spans) filter (where began_in <= last_piece and (lapsed_in is null or lapsed_in > last_piece)) as active_at_end,
        sum(n_spans) filter (where lapsed_in between first_piece and last_piece) as lost,
        sum(n_spans) filter (where is_return and began_in between first_piece and last_piece) as reactivated,
        sum(n_spans) filter (
            where began_in < first_piece
            and lapsed_in between first_piece and last_piece
            and (returned_in is null or returned_in > last_piece)
        ) as gone_at_end,
        sum(n_spans) filter (where not is_return and began_in <= last_piece) as ever_bought
    from windows
    cross join kinds
    group by 1, 2, 3, 4
),

-- Known customers' money is the company's without the anonymous sales: no customer need be read for it.
money_by_piece as (
    select
        width_bucket(order_date, cuts) as piece,
        sum(net_revenue) as net_revenue,
        sum(known_revenue) as known_revenue,
        sum(costed_lines) as costed_lines,
        sum(costed_revenue - cost) as gross_profit
    from (
        select order_date, net_revenue, net_revenue as known_revenue, costed_lines, costed_revenue, cost
        from {{ ref('agg_sales_daily') }}
        union all
        select order_date, 0, -net_revenue, -costed_lines, -costed_revenue, -cost
        from {{ ref('agg_sales_daily_customer') }}
        where customer_key = -1
    ) as days
    cross join cuts
    group by 1
),

money as (
    select
        period,
        basis,
        sum(net_revenue) filter (where piece >= first_piece) as net_revenue,
        sum(known_revenue) filter (where piece >= first_piece) as known_revenue,
        sum(costed_lines) as costed_lines_so_far,
        sum(gross_profit) as gross_profit_so_far
    from windows
    inner join money_by_piece on piece <= last_piece
    group by 1, 2
),

-- Each customer at the two dates; of the year before only where 365 days of sales lie behind it.
standings as (
    select
        as_of_date as state_date,
        segment,
        territory_id,
        customer_key,
        purchase_days_365_days as purchase_days,
        revenue_365_days as revenue
    from profiles

    union all

    select
        year_ago,
        segment,
        territory_id,
        customer_key,
        purchase_days_year_before,
        revenue_year_before
    from profiles
    inner join night using (as_of_date)
    where revenue_year_before is not null
),

buyers as (
    select
        state_date,
        grain,
        entity,
        count(*) as buyers,
        count(*) filter (where purchase_days > 1) as repeaters,
        sum(revenue) as revenue
    from standings
    cross join lateral (
        values ('company', 'company'), ('segment', segment), ('territory', territory_id)
    ) as members (grain, entity)
    where purchase_days > 0
    group by 1, 2, 3
),

ranked as (
    select
        state_date,
        revenue,
        row_number() over (partition by state_date order by revenue desc, customer_key) as place,
        count(*) over (partition by state_date) as n_customers,
        sum(revenue) over (partition by state_date) as total_revenue,
        sum(revenue) over (
            partition by state_date order by revenue desc groups between unbounded preceding and 1 preceding
        ) as revenue_above
    from standings
    where revenue > 0
),

concentration as (
    select
        state_date,
        {%- for top in [1, 5, 10, 20] %}
        100 * sum(revenue) filter (where place <= ceil(n_customers * {{ top }} / 100.0)) / max(total_revenue) as top_{{ top }}_pct,
        {%- endfor %}
        100 * sum((n_customers + 1 - 2 * place) * revenue) / (max(n_customers) * max(total_revenue)) as gini_pct,
        10000 * sum(revenue * revenue) / (max(total_revenue) * max(total_revenue)) as hhi,
        {%- for class in ['A', 'B', 'C'] %}
        100.0 * count(*) filter (where {{ abc_class('revenue_above', 'total_revenue') }} = '{{ class }}')
        / count(*) as class_{{ class | lower }}_pct{{ ',' if not loop.last }}
        {%- endfor %}
    from ranked
    group by state_date
),

outlook as (
    select
        grain,
        entity,
        percentile_cont(0.5) within group (order by purchase_interval_days::double precision)
            filter (where orders_365_days > 0) as interval_days,
        count(*) filter (where churn_status = 'lapsing') as at_risk,
        coalesce(sum(revenue_365_days) filter (where churn_status = 'lapsing'), 0) as revenue_at_risk,
        sum(expected_revenue_12m) as expected_revenue,
        max(expected_reason) filter (where expected_reason <> 'never bought') as expected_reason
    from profiles
    cross join lateral (
        values ('company', 'company'), ('segment', segment), ('territory', territory_id)
    ) as members (grain, entity)
    group by 1, 2
),

measured as (
    select
        windows.*,
        entities.*,
        moves.active_before,
        moves.active_at_end,
        moves.lost,
        moves.reactivated,
        moves.gone_at_end,
        moves.ever_bought,
        money.net_revenue,
        money.known_revenue,
        money.costed_lines_so_far,
        money.gross_profit_so_far,
        buyers.buyers,
        buyers.repeaters,
        buyers.revenue,
        concentration.*,
        outlook.interval_days,
        outlook.at_risk,
        outlook.revenue_at_risk,
        outlook.expected_revenue,
        outlook.expected_reason,
        case
            when not is_state then 'known for the as-of date and one year before it only'
            when is_as_of or first_day <= window_end - 364 then 'no known customer bought in the 365 days'
            else 'less than 365 days of sales up to then'
        end as no_state,
        case
            when first_day > window_start - 365 then 'less than 365 days of sales before the window'
            else 'no customer was active before the window'
        end as no_churn,
        -- nobody can have been silent for longer than there are sales
        first_day + 365 <= window_end as is_silence_known,
        first_day + 365 <= window_start as is_churn_known
    from windows
    cross join entities
    left join moves using (period, basis, grain, entity)
    left join money on money.period = windows.period and money.basis = windows.basis
    left join buyers
        on buyers.grain = entities.grain and buyers.entity = entities.entity and buyers.state_date = window_end
    left join concentration on concentration.state_date = window_end
    left join outlook on outlook.grain = entities.grain and outlook.entity = entities.entity and is_as_of
),

valued as (
    select
        as_of_date,
        grain,
        entity,
        period,
        basis,
        window_start,
        window_end,
        is_known,
        kpi,
        amount,
        why_not
    from measured
    cross join lateral (values
        (
            'active_customers_365_days',
            case when is_as_of or first_day <= window_end - 364 then coalesce(active_at_end, 0) end,
            'less than 365 days of sales up to then'
        ),
        ('churn_rate_pct', case when is_churn_known then 100.0 * coalesce(gone_at_end, 0) / nullif(active_before, 0) end, no_churn),
        (
            'retention_rate_pct',
            case when is_churn_known then 100 - 100.0 * coalesce(gone_at_end, 0) / nullif(active_before, 0) end,
            no_churn
        ),
        ('lost_customers', case when is_silence_known then coalesce(lost, 0) end, 'less than 365 days of sales'),
        ('reactivated_customers', case when is_silence_known then coalesce(reactivated, 0) end, 'less than 365 days of sales'),
        ('repeat_rate_pct', 100.0 * repeaters / buyers, no_state),
        ('revenue_per_customer_365_days', revenue / buyers, no_state),
        (
            'purchase_interval_days', interval_days::numeric,
            case when is_as_of then 'no customer bought on two days' else 'known for the as-of date only' end
        ),
        ('customers_at_risk', case when is_as_of then coalesce(at_risk, 0) end, 'known for the as-of date only'),
        ('revenue_at_risk', case when is_as_of then coalesce(revenue_at_risk, 0) end, 'known for the as-of date only'),
        (
            'expected_value_12m', expected_revenue,
            case
                when not is_as_of then 'known for the as-of date only'
                else coalesce(expected_reason, 'no known customer has bought')
            end
        )
    ) as of_every_grain (kpi, amount, why_not)

    union all

    select
        as_of_date,
        grain,
        entity,
        period,
        basis,
        window_start,
        window_end,
        is_known,
        kpi,
        amount,
        why_not
    from measured
    cross join lateral (values
        (
            'lifetime_value',
            case when costed_lines_so_far > 0 then gross_profit_so_far / nullif(ever_bought, 0) end,
            case
                when not has_costs then 'no source for product_costs or products'
                when ever_bought > 0 then 'no line has a known cost'
                else 'no known customer has bought'
            end
        ),
        {%- for top in [1, 5, 10, 20] %}
        ('revenue_top_{{ top }}_pct', top_{{ top }}_pct, no_state),
        {%- endfor %}
        ('customer_gini_pct', gini_pct, no_state),
        ('customer_hhi', hhi, no_state),
        ('abc_a_customers_pct', class_a_pct, no_state),
        ('abc_b_customers_pct', class_b_pct, no_state),
        ('abc_c_customers_pct', class_c_pct, no_state),
        ('known_customer_revenue_pct', 100 * known_revenue / nullif(net_revenue, 0), 'nothing was sold')
    ) as of_the_company (kpi, amount, why_not)
    where grain = 'company'
)

select
    as_of_date,
    grain,
    entity,
    period,
    basis,
    window_start,
    window_end,
    kpi,
    case when is_known then round(amount, 6) end as amount,
    case
        when not is_known then 'before the first sales day'
        when amount is null then why_not
    end as reason
from valued
