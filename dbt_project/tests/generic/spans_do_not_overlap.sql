{# Of the rows with the same id, none begins before the one before it has ended: both days are inclusive. #}
{% test spans_do_not_overlap(model, id) %}
    select *
    from (
        select
            *,
            lag(valid_to) over (partition by {{ id }} order by valid_from) as ended_before
        from {{ model }}
    ) as spans
    where ended_before >= valid_from or valid_to < valid_from
{% endtest %}
