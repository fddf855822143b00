{#
  dbt-postgres 1.11 reads information_schema, which leaves materialized views out: their column descriptions would never
  reach PostgreSQL. The same query, and the catalogue's columns for those. And it calls every array ARRAY, which is no type
  that dbt's unit tests could cast to.
#}
{% macro postgres__get_columns_in_relation(relation) -%}
    {% call statement('get_columns_in_relation', fetch_result=True) %}
        select column_name, data_type, character_maximum_length, numeric_precision, numeric_scale
        from (
            select
                table_schema::text, table_name::text, column_name::text,
                -- the standard calls every array ARRAY, which no cast understands
                case when data_type = 'ARRAY' then substr(udt_name, 2) || '[]' else data_type end::text as data_type,
                character_maximum_length::integer, numeric_precision::integer, numeric_scale::integer, ordinal_position::integer
            from information_schema.columns
            union all
            select
                pg_namespace.nspname::text, pg_class.relname::text, attname::text, format_type(atttypid, null),
                null, null, null, attnum::integer
            from pg_attribute
            inner join pg_class on pg_class.oid = attrelid and pg_class.relkind = 'm'
            inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
            where attnum > 0 and not attisdropped
        ) as all_columns
        where table_name = '{{ relation.identifier }}'
            {% if relation.schema %}and table_schema = '{{ relation.schema }}'{% endif %}
        order by ordinal_position
    {% endcall %}
    {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{% endmacro %}
