{#
  When each key of a daily aggregate was first and last seen, at a cost of what changed: an incremental run looks only
  at the keys that an open day holds or held, and finds each date at an end of the index (key, order_date).
#}

{#
  The query. `dates` has for each date its end (min or max) and which of the key's days count. A key held a day that it
  no longer has if one of its dates is an open day: only then can a date of it have gone.
#}
{% macro sightings(daily, key, dates) -%}
    {%- if is_incremental() %}
    select
        touched.{{ key }}
        {%- for name in dates %},
        {{ name }}.order_date as {{ name }}
        {%- endfor %}
    from (
        select {{ key }} from {{ daily }} where order_date in (select day from {{ source('ops', 'open_days') }})
        union
        select {{ key }} from {{ this }} where {{ date_is_open(dates) }}
    ) as touched
    {%- for name, (end, condition) in dates.items() %}
    {{ 'inner' if condition == 'true' else 'left' }} join lateral (
        select order_date
        from {{ daily }} as daily
        where daily.{{ key }} = touched.{{ key }} and {{ condition }}
        order by order_date{{ ' desc' if end == 'max' }}
        limit 1
    ) as {{ name }} on true
    {%- endfor %}
    {%- else %}
    select
        {{ key }}
        {%- for name, (end, condition) in dates.items() %},
        {{ end }}(order_date) filter (where {{ condition }}) as {{ name }}
        {%- endfor %}
    from {{ daily }}
    group by {{ key }}
    {%- endif %}
{%- endmacro %}

{# Whether one of a row's dates is an open day. #}
{% macro date_is_open(dates) -%}
    array[{{ dates | join(', ') }}] && array(select day from {{ source('ops', 'open_days') }})
{%- endmacro %}

{# Deletes the keys that an open day holds or held, and inserts those that are still there. #}
{% macro get_incremental_sightings_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set dates = arg_dict['dest_columns'] | selectattr('dtype', 'equalto', 'date') | map(attribute='name') -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ arg_dict['unique_key'] }} in (select {{ arg_dict['unique_key'] }} from {{ arg_dict['temp_relation'] }})
        or {{ date_is_open(dates) }};

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
