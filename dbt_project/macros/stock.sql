{# Stock as it was counted: what every model of the room operations begins with. #}

{#
  The counts, as CTEs of a model: `counts` has one row per snapshot date, product and location. A business that brings no
  levels but movements has what its movements add up to, at the end of each month and on the as-of date, and
  is_derived says so: stock that lay there before the first movement is not in it, and a balance may be below zero.
  Never materialized: of millions of counts a night reads a few days, by the index on the date.
#}
{% macro stock_counts() -%}
    balance_days as (
        select (month_start + interval '1 month - 1 day')::date as snapshot_date
        from (select min(moved_on) as first_day from {{ ref('stg_inventory_movements') }}) as movements
        cross join generate_series(
            date_trunc('month', first_day::timestamp),
            date_trunc('month', {{ latest_as_of_date() }}::timestamp) - interval '1 month',
            interval '1 month'
        ) as month_start
        union
        select {{ latest_as_of_date() }}
    ),

    moved as (
        select
            (select min(snapshot_date) from balance_days where snapshot_date >= moved_on) as snapshot_date,
            product_id,
            location_id,
            sum(units) as units
        from (
            select moved_on, product_id, location_id, sum(qty_units) as units
            from {{ ref('stg_inventory_movements') }}
            where moved_on <= {{ latest_as_of_date() }}
                and not exists (select from {{ ref('stg_inventory_levels') }})
            group by 1, 2, 3
        ) as days
        group by 1, 2, 3
    ),

    balances as (
        select
            snapshot_date,
            product_id,
            location_id,
            sum(coalesce(units, 0)) over (partition by product_id, location_id order by snapshot_date) as on_hand_units,
            min(case when units is not null then snapshot_date end)
                over (partition by product_id, location_id) as first_day
        from (select distinct product_id, location_id from moved) as pairs
        cross join balance_days
        left join moved using (snapshot_date, product_id, location_id)
    ),

    counts as not materialized (
        select
            snapshot_date,
            product_id,
            location_id,
            on_hand_units,
            on_order_units,
            loaded_at,
            false as is_derived
        from {{ ref('stg_inventory_levels') }}
        union all
        select
            snapshot_date,
            product_id,
            location_id,
            on_hand_units,
            null,
            null,
            true
        from balances
        where snapshot_date >= first_day
    )
{%- endmacro %}

{# In how many days a fast product is sold once at the most. #}
{% macro fast_sale_days() -%} {{ return(13) }} {%- endmacro %}

{#
  Deletes each day and location that was computed again, and inserts those that still have a count: a row without one
  stands for a count that is gone from its source.
#}
{% macro get_incremental_stock_days_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }} as target
    using {{ arg_dict['temp_relation'] }} as computed
    where target.snapshot_date = computed.snapshot_date and target.location_id = computed.location_id;

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
    where counts > 0
{%- endmacro %}
