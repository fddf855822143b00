{# The model's grain: no two rows have the same key, and no part of it is missing but one that may be. #}
{% test one_row_per(model, key, may_be_null=[]) %}
    select {{ key | join(', ') }}, count(*) as n_rows
    from {{ model }}
    group by {{ key | join(', ') }}
    having count(*) > 1 {%- for part in key if part not in may_be_null %} or {{ part }} is null {%- endfor %}
{% endtest %}
