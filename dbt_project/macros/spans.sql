{#
  The spans of days in which each value of a slowly changing attribute held: one row per id and span, both days inclusive,
  so that a fact joins with `between valid_from and valid_to`. Spans of an id never overlap.

  An id that stands in the explicit history has what stands there: a day takes the value that began last of those that
  hold on it; one without an end lasts until the next begins; what no span covers is a gap, and has no value. Any other
  id has the changes that ingestion saw, the first value since ever; and where none were seen, the value it has now.

  Args: the id's and the value's column; the models of the explicit history and of the values as they stand now; the
  entity and attribute in stg_attribute_changes; the value's type.
#}
{% macro spans_of_value(id, value, history, current, entity, attribute, type) -%}
    given as (
        -- of several values that begin on one day the first is as good as any, and the same every night
        select distinct on ({{ id }}, valid_from)
            {{ id }},
            {{ value }},
            valid_from,
            valid_to
        from {{ history }}
        where valid_to is null or valid_to >= valid_from
        order by {{ id }}, valid_from, {{ value }}
    ),

    given_until as (
        select
            {{ id }},
            {{ value }},
            valid_from,
            coalesce(
                valid_to + 1,
                lead(valid_from) over (partition by {{ id }} order by valid_from),
                {{ end_of_time() }}
            ) as until
        from given
    ),

    given_with_next as (
        select
            *,
            lead(valid_from) over by_day as next_from,
            lead(until) over by_day as next_until
        from given_until
        window by_day as (partition by {{ id }} order by valid_from)
    ),

    -- what is left of a span that outlasts one which began within it
    interrupted as (
        select
            whole.{{ id }},
            whole.{{ value }},
            datemultirange(daterange(whole.valid_from, whole.until))
            - range_agg(daterange(later.valid_from, later.until)) as days
        from given_with_next as whole
        inner join given_until as later
            on later.{{ id }} = whole.{{ id }}
            and later.valid_from > whole.valid_from
            and later.valid_from < whole.until
        where whole.next_until < whole.until
        group by whole.{{ id }}, whole.{{ value }}, whole.valid_from, whole.until
    ),

    seen as (
        select
            entity_key as {{ id }},
            value_text::{{ type }} as {{ value }},
            coalesce(valid_from, {{ beginning_of_time() }}) as valid_from
        from {{ ref('stg_attribute_changes') }}
        where entity = '{{ entity }}'
            and attribute = '{{ attribute }}'
            and not exists (select from given where given.{{ id }} = entity_key)
        union all
        select {{ id }}, {{ value }}, {{ beginning_of_time() }}
        from {{ current }} as now_known
        where not exists (select from given where given.{{ id }} = now_known.{{ id }})
            and not exists (
                select from {{ ref('stg_attribute_changes') }} as changes
                where changes.entity = '{{ entity }}'
                    and changes.attribute = '{{ attribute }}'
                    and changes.entity_key = now_known.{{ id }}
            )
    ),

    changed as (
        select
            *,
            {{ value }} is distinct from lag({{ value }}) over (partition by {{ id }} order by valid_from) as is_change
        from seen
    ),

    spans as (
        select {{ id }}, {{ value }}, valid_from, least(until, next_from) as until, true as is_given
        from given_with_next
        where next_until is null or next_until >= until or next_from >= until
        union all
        select {{ id }}, {{ value }}, lower(span), upper(span), true
        from interrupted
        cross join lateral unnest(days) as spans (span)
        union all
        select
            {{ id }},
            {{ value }},
            valid_from,
            lead(valid_from, 1, {{ end_of_time() }}) over (partition by {{ id }} order by valid_from),
            false
        from changed
        where is_change
    )
{%- endmacro %}

{# The columns of a dimension of spans, after its keys and its value. #}
{% macro days_of_span() -%}
    valid_from,
    until - 1 as valid_to,
    is_given
{%- endmacro %}

{# The first and the day after the last day that ingestion takes for a day. #}
{% macro beginning_of_time() -%} date '1900-01-01' {%- endmacro %}
{% macro end_of_time() -%} date '2200-01-01' {%- endmacro %}
