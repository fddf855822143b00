{#
  Ids that the other table does not know: a warning, because sources come late. Where nobody brings the other table,
  there is nothing to know them by. As an anti join: a `not in` of two million ids does not fit into a hash table, and is
  then a search of all of them for each id.
#}
{% test refers_to(model, column_name, to, field) %}
    {{ config(severity='warn') }}
    select distinct {{ column_name }}
    from (select * from {{ model }}) as referring
    where {{ column_name }} is not null
        and not exists (select from {{ to }} as known where known.{{ field }} = referring.{{ column_name }})
        and exists (select from {{ to }})
{% endtest %}
