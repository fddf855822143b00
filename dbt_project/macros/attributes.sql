{#
  Daily aggregates by what a product or customer is now: its category, its segment. That may change, and then every day it
  ever had belongs elsewhere. Each row therefore says of which members its day is the first one (`newcomers`): together that
  is the attribute of every member as the table was built, at a cost of one number per member, and a night finds by it
  which members have changed and recomputes their days besides the open ones.
#}

{# Distinct known customers with a sale, as sorted keys: what can be counted once over any days and parts. #}
{% macro buyers(bought='sale_lines > 0') -%}
    array_agg(distinct customer_key order by customer_key) filter (where {{ bought }} and customer_key <> -1)
{%- endmacro %}

{#
  CTEs: `newcomers` (order_date, attribute, newcomers) and, in an incremental run, `days_to_compute` (order_date).

  Args: the attribute's column; the member's key; the models of the members, of their first days and of all their days.
#}
{% macro days_by_attribute(attribute, key, members, sightings, daily) -%}
    members as (
        select
            {{ key }},
            {{ attribute }},
            first_line_date as order_date
        from {{ sightings }}
        inner join {{ members }} using ({{ key }})
    ),

    newcomers as (
        select
            order_date,
            {{ attribute }},
            array_agg({{ key }} order by {{ key }}) as newcomers
        from members
        group by order_date, {{ attribute }}
    )

    {%- if is_incremental() %},

    as_built as (
        select
            {{ key }},
            {{ attribute }},
            order_date
        from {{ this }}
        cross join lateral unnest(newcomers) as {{ key }}
    ),

    changed as materialized (
        select
            {{ key }},
            as_built.order_date as built_day,
            members.order_date as first_day,
            as_built.{{ attribute }} <> members.{{ attribute }} as has_moved
        from as_built
        full join members using ({{ key }})
        where as_built.order_date is distinct from members.order_date
            or as_built.{{ attribute }} is distinct from members.{{ attribute }}
    ),

    days_to_compute as materialized (
        select day as order_date from {{ source('ops', 'open_days') }}
        union
        select built_day from changed where built_day is not null
        union
        select first_day from changed where first_day is not null
        union
        select daily.order_date
        from changed
        inner join {{ daily }} as daily using ({{ key }})
        where has_moved
    )
    {%- endif %}
{%- endmacro %}

{# The model's filter. As an array, because the planner takes a subquery here for most of the days and reads all lines. #}
{% macro only_days_to_compute() -%}
    {%- if is_incremental() %}
    where order_date = any(array(select order_date from days_to_compute))
    {%- endif %}
{%- endmacro %}

{# Deletes the open days and every other day that was computed, and inserts what was computed. #}
{% macro get_incremental_computed_days_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where order_date in (
        select day from {{ source('ops', 'open_days') }}
        union
        select order_date from {{ arg_dict['temp_relation'] }}
    );

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{# Deletes the orders that an open day holds or held, and inserts those that were computed. #}
{% macro get_incremental_open_orders_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where order_key in (
        select order_key
        from {{ arg_dict['target_relation'] }}
        where order_date in (select day from {{ source('ops', 'open_days') }})
        union
        select order_key from {{ arg_dict['temp_relation'] }}
    );

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
