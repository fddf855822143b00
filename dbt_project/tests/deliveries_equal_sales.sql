-- Every unit sold stands in the deliveries, shipped or not.
select order_date
from (
    select order_date, sum(units) as units, sum(sale_lines) as sale_lines
    from {{ ref('agg_delivery_daily') }}
    where {{ 'true' if flags.FULL_REFRESH else 'order_date in (select day from ops.open_days)' }}
    group by order_date
) as deliveries
full join (
    select order_date, sum(units) as units, sum(sale_lines) as sale_lines
    from {{ ref('agg_sales_daily_product') }}
    where {{ 'true' if flags.FULL_REFRESH else 'order_date in (select day from ops.open_days)' }}
    group by order_date
) as sales using (order_date)
where coalesce(deliveries.units, 0) <> coalesce(sales.units, 0)
    or coalesce(deliveries.sale_lines, 0) <> coalesce(sales.sale_lines, 0)
