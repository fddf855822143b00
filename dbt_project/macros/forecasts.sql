{# What a series' name says: <level>_<grain>_<measure>, see orchestration/forecasts/families.py. #}
{% macro family_columns(series) -%}
    split_part({{ series }}, '_', 1) as level,
    regexp_replace({{ series }}, '^.*_', '') as measure,
    case regexp_replace({{ series }}, '^[a-z]+_(.*)_[a-z]+$', '\1')
        when 'daily' then 'day'
        when 'weekly' then 'week'
        when 'monthly' then 'month'
        when 'quarterly' then 'quarter'
        when 'yearly' then 'year'
        when 'fiscal_quarterly' then 'fiscal quarter'
        when 'fiscal_yearly' then 'fiscal year'
    end as grain
{%- endmacro %}

{# The keys of what a forecast is of; -1 for what is none of them. #}
{% macro forecast_keys() -%}
    coalesce(products.product_key, -1) as product_key,
    coalesce(territories.territory_key, -1) as territory_key,
    coalesce(locations.location_key, -1) as location_key
{%- endmacro %}

{% macro forecast_dimensions(forecast) -%}
left join {{ ref('dim_product') }} as products
    on products.product_id = {{ forecast }}.unique_id and {{ forecast }}.series like 'product\_%'
left join {{ ref('dim_territory') }} as territories
    on territories.territory_id = {{ forecast }}.unique_id and {{ forecast }}.series like 'territory\_%'
left join {{ ref('dim_location') }} as locations
    on locations.location_id = {{ forecast }}.unique_id and {{ forecast }}.series like 'location\_%'
{%- endmacro %}
