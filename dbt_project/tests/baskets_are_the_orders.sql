-- Every order with a sale is a basket of its day, and every basket of the looked-at days is one of these.
with baskets as (
    select
        order_date,
        count(*) as baskets
    from {{ ref('order_baskets') }}
    group by order_date
)

select order_date
from {{ ref('agg_sales_daily') }} as sales
full join {{ ref('basket_days') }} as days using (order_date)
left join baskets using (order_date)
where coalesce(sales.orders, 0) <> coalesce(days.baskets, 0)
    or (order_date >= {{ first_basket_day() }} and coalesce(baskets.baskets, 0) <> coalesce(days.baskets, 0))
