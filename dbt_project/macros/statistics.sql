{#
  Statistics for the planner, which autovacuum would gather some time later: always of a table made anew, and of one
  that grows by open days only once a tenth of it has changed (a sample of ten million lines takes seconds).
#}
{% macro gather_statistics() -%}
    do $$ begin
        if (
            select reltuples < 0 or pg_stat_get_mod_since_analyze(oid) >= reltuples / 10
            from pg_class where oid = '{{ this }}'::regclass
        ) then
            analyze {{ this }};
        end if;
    end $$
{%- endmacro %}
