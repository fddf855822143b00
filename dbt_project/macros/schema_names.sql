{# Schemas are named as the models say, without a prefix: PostgreSQL schemas are the interface between the rooms. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
