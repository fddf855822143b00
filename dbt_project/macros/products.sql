{# A product that sold before, but not on any of this many days up to and including the day asked about, is dead. #}
{% macro dead_after_days() -%} {{ return(180) }} {%- endmacro %}

{# An order of more different products is a wholesale list: it says little of what goes with what, and n²/2 pairs of it. #}
{% macro most_products_of_a_basket() -%}
    50
{%- endmacro %}

{# First day of the baskets that are looked at: twelve whole months and the month of the night. #}
{% macro first_basket_day() -%}
    (date_trunc('month', {{ latest_as_of_date() }})::date - interval '12 months')::date
{%- endmacro %}
