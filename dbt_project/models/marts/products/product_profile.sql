{{ config(indexes=[{'columns': ['product_key'], 'unique': true}]) }}
-- What a night about a past day says must not know what came later: a product first sold after as_of_date is left out,
-- and the last sale is the last one until then.
with night as (
    select {{ latest_as_of_date() }} as as_of_date
),

products as (
    select
        as_of_date,
        products.*,
        case when first_sale_date <= as_of_date then first_sale_date end as first_sold_on,
        case
            when last_sale_date <= as_of_date then last_sale_date
            when first_sale_date <= as_of_date then (
                select max(order_date)
                from {{ ref('agg_sales_daily_product') }} as daily
                where daily.product_key = products.product_key and order_date <= as_of_date and sale_lines > 0
            )
        end as last_sold_on
    from {{ ref('dim_product') }} as products
    inner join night on as_of_date is not null
    where product_key <> -1
        and not is_charge_code
        and (
            is_in_source or first_sale_date is null or first_sale_date <= as_of_date
            -- it may have come back before it was first sold
            or product_key in (select product_key from {{ ref('product_window_sales') }})
        )
),

sold as (
    select
        window_start = as_of_date - 364 and window_end = as_of_date as is_year,
        window_start = as_of_date - 729 and window_end = as_of_date - 365 as is_year_before,
        window_start = as_of_date - 181 and window_end = as_of_date as is_half_year,
        window_start = as_of_date - 363 and window_end = as_of_date - 182 as is_half_year_before,
        {{ gross_profit() }} as gross_profit,
        {{ gross_margin_pct() }} as gross_margin_pct,
        *
    from {{ ref('product_window_sales') }}
),

sales as (
    select
        product_key,
        {%- for name, test in {'': 'is_year', 'previous_': 'is_year_before'}.items() %}
        {%- for measure in [
            'units', 'gross_sales', 'discounts', 'returns', 'net_revenue', 'sale_days', 'gross_profit', 'gross_margin_pct',
        ] %}
        max({{ measure }}) filter (where {{ test }}) as {{ name }}{{ measure }},
        {%- endfor %}
        {%- endfor %}
        max(units) filter (where is_half_year) as half_year_units,
        max(units) filter (where is_half_year_before) as previous_half_year_units,
        bool_or(is_year) as is_traded
    from sold
    where is_year or is_year_before or is_half_year or is_half_year_before
    group by product_key
),

-- The last 12 complete months, and of those the ones that a product was on sale in from their first day.
months as (
    select
        product_key,
        first_sold_on,
        count(*) as n_months
    from products
    cross join generate_series(
        date_trunc('month', as_of_date + 1) - interval '12 months',
        date_trunc('month', as_of_date + 1) - interval '1 month',
        interval '1 month'
    ) as month_start
    where month_start >= first_sold_on
    group by product_key, first_sold_on
),

-- Months without a sale have no row and count as 0: only the sums are divided, by all months.
monthly as (
    select
        months.product_key,
        n_months::numeric as n_months,
        coalesce(sum(units), 0) as total,
        coalesce(sum(units * units), 0) as total_of_squares
    from months
    cross join night
    left join {{ ref('agg_sales_monthly_product') }} as sold
        on sold.product_key = months.product_key
        and sold.month_start >= greatest(
            first_sold_on, (date_trunc('month', as_of_date + 1) - interval '12 months')::date
        )
        and sold.month_start < date_trunc('month', as_of_date + 1)
    group by months.product_key, n_months
),

-- (σ/μ)² = (n Σx² − (Σx)²) ÷ (Σx)²: divided once and last, so that a product on a border is on it.
variation as (
    select
        product_key,
        n_months,
        total / n_months as mean_monthly_units,
        case
            when n_months >= 6 and total > 0
                then sqrt(greatest(n_months * total_of_squares - total * total, 0) / (total * total))
        end as coefficient
    from monthly
),

list_prices as (
    select
        product_key,
        list_price
    from {{ ref('dim_product_price') }}
    inner join night on as_of_date between valid_from and valid_to
),

joined as (
    select
        products.as_of_date,
        product_key,
        products.product_id,
        products.product_name,
        category,
        subcategory,
        brand,
        supplier_id,
        launched_on,
        first_sold_on,
        last_sold_on,
        as_of_date - last_sold_on as days_since_last_sale,
        coalesce(is_traded, false) as is_traded,
        {%- for measure in ['units', 'gross_sales', 'discounts', 'returns', 'net_revenue', 'sale_days'] %}
        coalesce({{ measure }}, 0) as {{ measure }},
        {%- endfor %}
        gross_profit,
        gross_margin_pct,
        -- Nothing is compared with days that the books do not have: part of a year is no year.
        {%- for measure in ['units', 'net_revenue'] %}
        case when as_of_date - 729 >= first_sales_day then coalesce(previous_{{ measure }}, 0) end as previous_{{ measure }},
        {%- endfor %}
        {%- for measure in ['gross_profit', 'gross_margin_pct'] %}
        case when as_of_date - 729 >= first_sales_day then previous_{{ measure }} end as previous_{{ measure }},
        {%- endfor %}
        coalesce(half_year_units, 0) as half_year_units,
        case
            when as_of_date - 363 >= first_sales_day then coalesce(previous_half_year_units, 0)
        end as previous_half_year_units,
        coalesce(n_months, 0)::integer as n_months,
        mean_monthly_units,
        coefficient,
        list_prices.list_price
    from products
    cross join (select min(order_date) as first_sales_day from {{ ref('agg_sales_daily') }}) as company
    left join sales using (product_key)
    left join variation using (product_key)
    left join list_prices using (product_key)
),

-- A product's class is decided by the products with strictly more revenue than it has: equals are of one class.
ranked as (
    select
        *,
        case when is_traded then rank() over (partition by is_traded order by net_revenue desc) end as revenue_rank,
        case
            when is_traded then rank() over (partition by is_traded, category order by net_revenue desc)
        end as revenue_rank_in_category,
        case
            when gross_profit is not null then rank() over (partition by gross_profit is not null order by gross_profit desc)
        end as profit_rank,
        case
            when gross_profit is not null
                then rank() over (partition by gross_profit is not null, category order by gross_profit desc)
        end as profit_rank_in_category,
        sum(net_revenue) over () as total_revenue,
        sum(net_revenue) over (partition by category) as category_revenue,
        sum(greatest(net_revenue, 0)) over () as positive_revenue,
        -- all with at least as much, less its equals: "exclude group" takes 2 s of 4,000 products, this 10 ms
        sum(greatest(net_revenue, 0)) over (order by net_revenue desc)
        - sum(greatest(net_revenue, 0)) over (partition by net_revenue) as revenue_above
    from joined
)

select
    as_of_date,
    product_key,
    product_id,
    product_name,
    category,
    subcategory,
    brand,
    supplier_id,
    launched_on,
    first_sold_on,
    last_sold_on,
    days_since_last_sale,
    sale_days,
    units,
    gross_sales,
    discounts,
    returns,
    net_revenue,
    gross_profit,
    gross_margin_pct,
    previous_units,
    previous_net_revenue,
    previous_gross_profit,
    previous_gross_margin_pct,
    round(100 * (units / nullif(previous_units, 0) - 1), 2) as units_growth_pct,
    case
        when previous_net_revenue > 0 then round(100 * (net_revenue / previous_net_revenue - 1), 2)
    end as revenue_growth_pct,
    case
        when previous_gross_profit > 0 then round(100 * (gross_profit / previous_gross_profit - 1), 2)
    end as profit_growth_pct,
    revenue_rank,
    revenue_rank_in_category,
    profit_rank,
    profit_rank_in_category,
    case when total_revenue > 0 then round(100 * net_revenue / total_revenue, 4) end as share_pct,
    case when category_revenue > 0 then round(100 * net_revenue / category_revenue, 4) end as category_share_pct,
    case
        when positive_revenue > 0 and is_traded
            then round(100 * (revenue_above + greatest(net_revenue, 0)) / positive_revenue, 4)
    end as cumulative_share_pct,
    case
        when not is_traded then null
        when net_revenue <= 0 then 'C'
        else {{ abc_class('revenue_above', 'positive_revenue') }}
    end as abc_class,
    n_months as months_on_sale,
    round(mean_monthly_units, 4) as mean_monthly_units,
    round(coefficient, 4) as monthly_variation,
    case
        when coefficient <= 0.5 then 'X'
        when coefficient <= 1.0 then 'Y'
        when coefficient is not null then 'Z'
    end as xyz_class,
    half_year_units,
    previous_half_year_units,
    round(100 * (half_year_units / nullif(previous_half_year_units, 0) - 1), 2) as half_year_growth_pct,
    -- Asked in this order, so that every product ever sold has exactly one answer.
    case
        when first_sold_on is null then null
        when days_since_last_sale >= {{ dead_after_days() }} then 'dead'
        when as_of_date - least(launched_on, first_sold_on) < 182 then 'new'
        when half_year_units >= 1.1 * previous_half_year_units then 'growing'
        when half_year_units <= 0.9 * previous_half_year_units then 'declining'
        else 'mature'
    end as lifecycle,
    list_price,
    round((gross_sales - discounts) / nullif(units, 0), 6) as realised_price,
    round(100 * (gross_sales - discounts) / nullif(units * list_price, 0), 2) as realised_of_list_pct,
    {{ return_rate_pct() }} as return_rate_pct
from ranked
