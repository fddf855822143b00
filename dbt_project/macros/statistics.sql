{#
  Statistics for the planner, which autovacuum would gather some time later: always of a table made anew, and of one
  that grows by open days only once it has grown by a tenth (the sample of ten million lines takes seconds). That a
  table is new shows in pg_stats alone: making an index already counts its rows.
#}
{% macro gather_statistics() -%}
    do $$ begin
        if not exists (
            select from pg_stats
            where schemaname = '{{ this.schema }}' and tablename = '{{ this.identifier }}'
        ) or (
            select pg_relation_size(oid) > 1.1 * relpages * current_setting('block_size')::bigint
            from pg_class where oid = '{{ this }}'::regclass
        ) then
            analyze {{ this }};
        end if;
    end $$
{%- endmacro %}
