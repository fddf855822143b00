-- All customers together, with the anonymous sales, are the company up to the as-of date; and whoever bought within 365
-- days is in an open span.
select profiles.*
from (
    select
        coalesce(sum(net_revenue), 0) as net_revenue,
        count(*) filter (where purchase_days_365_days > 0) as active_customers,
        count(first_order_date) as customers
    from {{ ref('customer_profile') }}
) as profiles
cross join (
    select coalesce(sum(net_revenue), 0) as net_revenue
    from {{ ref('agg_sales_daily') }}
    where order_date <= {{ latest_as_of_date() }}
) as company
cross join (
    select coalesce(sum(net_revenue), 0) as net_revenue
    from {{ ref('agg_sales_daily_customer') }}
    where customer_key = -1 and order_date <= {{ latest_as_of_date() }}
) as anonymous
cross join (
    select
        count(*) filter (where lapsed_on is null) as active_customers,
        count(*) filter (where span_number = 1) as customers
    from {{ ref('customer_spans') }}
) as spans
where profiles.net_revenue <> company.net_revenue - anonymous.net_revenue
    or profiles.active_customers <> spans.active_customers
    or profiles.customers <> spans.customers
