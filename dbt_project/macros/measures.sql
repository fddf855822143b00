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
