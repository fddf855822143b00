{# The measures of a sale, spelt once. fct_sales_lines gives each line its part; everything above only adds up. #}
{% macro additive_measures() -%}
    {{ return([
        'gross_sales', 'discounts', 'returns', 'net_revenue', 'charges', 'adjustments', 'units', 'returned_units',
        'cost', 'costed_revenue', 'costed_lines', 'uncosted_lines',
    ]) }}
{%- endmacro %}

{% macro sum_measures(alias='') -%}
    {%- for measure in additive_measures() %}
    coalesce(sum({{ alias ~ '.' if alias }}{{ measure }}), 0){{ '::bigint' if measure.endswith('_lines') }} as {{ measure }}
    {%- if not loop.last %},{% endif -%}
    {%- endfor %}
{%- endmacro %}

{% macro list_measures(alias='') -%}
    {%- for measure in additive_measures() %}
    {{ alias ~ '.' if alias }}{{ measure }}
    {%- if not loop.last %},{% endif -%}
    {%- endfor %}
{%- endmacro %}

{# What is left of the revenue whose cost is known; null, not 0, where no line has a cost. #}
{% macro gross_profit() -%}
    case when costed_lines > 0 then costed_revenue - cost end
{%- endmacro %}

{# Gross profit as a percentage of the revenue whose cost is known: a line without a cost would look like pure profit. #}
{% macro gross_margin_pct() -%}
    round(100 * (costed_revenue - cost) / nullif(costed_revenue, 0), 6)
{%- endmacro %}

{# What a customer pays for an average order; null where there is no order. #}
{% macro average_order_value() -%}
    round((gross_sales - discounts) / nullif(orders, 0), 6)
{%- endmacro %}

{# Returns as a percentage of what was sold; null where nothing was sold. #}
{% macro return_rate_pct() -%}
    round(100 * returns / nullif(gross_sales - discounts, 0), 6)
{%- endmacro %}

{# The as-of date of the newest night: what the stages' tables are read by. A night without anomalies shows none, not the last ones. #}
{% macro latest_as_of_date() -%}
    (select as_of_date from {{ source('ops', 'nights') }} where as_of_date is not null order by token desc limit 1)
{%- endmacro %}

{#
  The class of a customer or product by revenue: A until 80 % of it is reached, B until 95 %. What counts is the revenue of
  those that are strictly above, so that who crosses the line is still in the upper class and equal ones are together.
#}
{% macro abc_class(revenue_above, total_revenue) -%}
    case
        when 100 * coalesce({{ revenue_above }}, 0) < 80 * {{ total_revenue }} then 'A'
        when 100 * coalesce({{ revenue_above }}, 0) < 95 * {{ total_revenue }} then 'B'
        else 'C'
    end
{%- endmacro %}

{# What a day or month without a line is in the two summaries: zeros, not gaps. #}
{% macro filled_measures() -%}
    {%- for measure in additive_measures() %}
    coalesce({{ measure }}, 0) as {{ measure }},
    {%- endfor %}
    coalesce(lines, 0)::bigint as lines,
    coalesce(orders, 0) as orders,
    coalesce(active_customers, 0) as active_customers,
    coalesce(new_customers, 0) as new_customers
{%- endmacro %}

{# What the two summaries say of each day or month, after its first column; from filled_measures(). #}
{% macro summary_columns() -%}
    {{- list_measures() }},
    lines,
    orders,
    {{ gross_profit() }} as gross_profit,
    {{ gross_margin_pct() }} as gross_margin_pct,
    {{ average_order_value() }} as average_order_value,
    {{ return_rate_pct() }} as return_rate_pct,
    active_customers,
    new_customers,
    active_customers - new_customers as returning_customers
{%- endmacro %}
