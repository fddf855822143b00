{# What the customers' models share: what they know of a customer, and until when. #}

{#
  The customers' months up to the as-of date, -1 included. Of the as-of month, which may have later days, the days are read:
  a night about a past day must not know what came after it. Needs a CTE `night` with as_of_date.
#}
{% macro customer_months_to_date() -%}
    select
        month_start,
        customer_key,
        purchase_days,
        first_purchase_on,
        last_purchase_on,
        net_revenue
    from {{ ref('agg_sales_monthly_customer') }}
    where month_start < (select date_trunc('month', as_of_date)::date from night)

    union all

    select
        date_trunc('month', order_date)::date,
        customer_key,
        count(*) filter (where sale_lines > 0),
        min(order_date) filter (where sale_lines > 0),
        max(order_date) filter (where sale_lines > 0),
        sum(net_revenue)
    from {{ ref('agg_sales_daily_customer') }}
    where order_date >= (select date_trunc('month', as_of_date)::date from night)
        and order_date <= (select as_of_date from night)
    group by 1, 2
{%- endmacro %}

{#
  Which of the profile's times a day lies in: the last 365 days, the 365 days that end one year before the as-of date, what
  was earlier, and the one day that a leap year leaves between them. Null after the as-of date.
#}
{% macro profile_time(day) -%}
    case
        when {{ day }} > as_of_date then null
        when {{ day }} >= last_from then 'last'
        when {{ day }} > year_ago then 'between'
        when {{ day }} >= before_from then 'before'
        else 'earlier'
    end
{%- endmacro %}

{#
  1 to 5 among the customers who bought in the last 365 days, null for the others. By recency 5 for the latest and one less
  for each fifth of them that is strictly better; by the others 1 for the least and one more for each fifth that is
  strictly worse. Equal values never differ in score, most customers' single order is a 1, and whoever bought today a 5.
#}
{% macro recency_score() -%}
    case when orders_365_days > 0 then 5 - {{ fifths_before('recency_days') }} end
{%- endmacro %}

{% macro worth_score(measure) -%}
    case when orders_365_days > 0 then 1 + {{ fifths_before(measure) }} end
{%- endmacro %}

{% macro fifths_before(measure) -%}
    5 * (rank() over (partition by orders_365_days > 0 order by {{ measure }}) - 1)
    / count(*) over (partition by orders_365_days > 0)
{%- endmacro %}
