{#
  Incremental by open days, not by a watermark: a night recomputes exactly the sales days in ops.open_days, however
  old they are. A model that uses it filters with only_open_days() and has incremental_strategy='open_days'.
#}

{# The model's own filter. The model names the source once itself ("depends_on"): at parse time nothing is incremental. #}
{% macro only_open_days(column='order_date') -%}
    {%- if is_incremental() %}
    where {{ column }} in (select day from {{ source('ops', 'open_days') }})
    {%- endif %}
{%- endmacro %}

{#
  Deletes the open days whole and inserts what was computed, in the model's one transaction. By day and not by unique
  key, because a corrected row may leave a day: its old copy has no new row to meet it.
#}
{% macro get_incremental_open_days_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where order_date in (select day from {{ source('ops', 'open_days') }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{# The filter of a model by month: every day of a month in which a day is open. #}
{% macro only_open_months() -%}
    {%- if is_incremental() %}
    where order_date in (
        select day::date
        from (select distinct date_trunc('month', day) as month_start from {{ source('ops', 'open_days') }}) as open_months
        cross join generate_series(month_start, month_start + interval '1 month - 1 day', interval '1 day') as day
    )
    {%- endif %}
{%- endmacro %}

{# The same as open_days for a table by month. #}
{% macro get_incremental_open_months_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where month_start in (select date_trunc('month', day)::date from {{ source('ops', 'open_days') }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{# Replaces the as-of dates that were computed: a night can be run again, and other nights' rows stay as they were said. #}
{% macro get_incremental_as_of_date_sql(arg_dict) -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    delete from {{ arg_dict['target_relation'] }}
    where as_of_date in (select as_of_date from {{ arg_dict['temp_relation'] }});

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}

{# For a bi table published by day: its rows of the open days, or every row on a full refresh. #}
{% macro days_to_publish(column='order_date') -%}
    {%- if not flags.FULL_REFRESH %}
    where {{ column }} in (select day from {{ source('ops', 'open_days') }})
    {%- endif %}
{%- endmacro %}

{# The same for a bi table published by month. #}
{% macro months_to_publish(column='month_start') -%}
    {%- if not flags.FULL_REFRESH %}
    where {{ column }} in (select date_trunc('month', day)::date from {{ source('ops', 'open_days') }})
    {%- endif %}
{%- endmacro %}

{#
  Lets a data test say `where: __changed_days__`: on a nightly run only the open days are tested (ten million lines are
  not read again to prove what was proved before), on a full refresh every day is. And one of a table without sales days
  `where: __new_rows__`: the rows that were loaded, or loaded anew, since the last publication.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where', '') -%}
    {%- if where == '__changed_days__' -%}
        {%- set where = 'true' if flags.FULL_REFRESH else 'order_date in (select day from ops.open_days)' -%}
    {%- elif where == '__new_rows__' -%}
        {%- set where = 'true' if flags.FULL_REFRESH
            else "loaded_at > (select coalesce(max(published_at), '-infinity') from ops.publications)" -%}
    {%- endif -%}
    {%- if where -%}
        (select * from {{ relation }} where {{ where }}) dbt_subquery
    {%- else -%}
        {{ relation }}
    {%- endif -%}
{%- endmacro %}
