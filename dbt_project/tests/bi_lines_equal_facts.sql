-- What is about to be published for a day is the whole day.
select order_date
from (
    select
        order_date,
        count(*) as lines,
        sum(line_amount) as amount
    from {{ ref('fct_sales_lines') }}
    where {{ 'true' if flags.FULL_REFRESH else 'order_date in (select day from ops.open_days)' }}
    group by order_date
) as facts
full join (
    select
        order_date,
        count(*) as lines,
        sum(line_amount) as amount
    from {{ ref('bi_sales_lines') }}
    group by order_date
) as bi using (order_date)
where facts.lines is distinct from bi.lines or facts.amount is distinct from bi.amount
