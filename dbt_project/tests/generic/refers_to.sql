{#
  Ids that the other table does not know: a warning, because sources come late. Where nobody brings the other table,
  there is nothing to know them by.
#}
{% test refers_to(model, column_name, to, field) %}
    {{ config(severity='warn') }}
    select distinct {{ column_name }}
    from {{ model }}
    where {{ column_name }} is not null
        and {{ column_name }} not in (select {{ field }} from {{ to }})
        and exists (select from {{ to }})
{% endtest %}
