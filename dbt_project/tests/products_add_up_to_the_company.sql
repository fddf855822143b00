-- The products' last 365 days are the company's, and so are the changes of the products.
with company as (
    select
        coalesce(sum(units), 0) as units,
        coalesce(sum(net_revenue), 0) as net_revenue
    from {{ ref('mv_sales_daily_summary') }}
    where order_date between {{ latest_as_of_date() }} - 364 and {{ latest_as_of_date() }}
),

products as (
    select
        coalesce(sum(units), 0) as units,
        coalesce(sum(net_revenue), 0) as net_revenue
    from {{ ref('product_profile') }}
)

select company.*
from company
cross join products
where company.units <> products.units or company.net_revenue <> products.net_revenue
