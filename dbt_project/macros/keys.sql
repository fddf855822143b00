{# Keys that are the same every night, so that a table rebuilt on its own still joins to its neighbours. #}

{#
  A bigint from one or more text columns: the first 60 bits of an md5. At 10 million rows a collision has a chance of
  1 in 23,000 (n²/2⁶¹), and a unique index or test stops the build if it ever happens. Every part but the last goes
  in with its length, so ('a', 'bc') and ('ab', 'c') differ.
#}
{% macro surrogate_key(columns) -%}
    ('x' || substr(md5(
        {%- for column in columns -%}
        {%- if not loop.last -%} length({{ column }}) || ':' || {{ column }} || {% else -%} {{ column }} {%- endif -%}
        {%- endfor -%}
    ), 1, 15))::bit(60)::bigint
{%- endmacro %}

{# The same, with -1 (the unknown member) where the id is missing. #}
{% macro dimension_key(column) -%}
    coalesce({{ surrogate_key([column]) }}, -1)
{%- endmacro %}

{# yyyymmdd as an integer: readable, sorts by time, one column. #}
{% macro date_key(column) -%}
    (extract(year from {{ column }}) * 10000 + extract(month from {{ column }}) * 100 + extract(day from {{ column }}))::integer
{%- endmacro %}
