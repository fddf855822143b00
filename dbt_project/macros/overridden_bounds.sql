{#- A bound of the interval, moved with the mean where a planner overrode it: nobody says how sure planners are, so the
    statistical width stands. It is never moved below zero if it was not there. -#}
{% macro moved_bound(bound) -%}
    case
        when overridden.mean is null then forecasts.{{ bound }}
        when forecasts.{{ bound }} < 0 then forecasts.{{ bound }} + overridden.mean - forecasts.mean
        else greatest(forecasts.{{ bound }} + overridden.mean - forecasts.mean, least(overridden.mean, 0))
    end as {{ bound }}
{%- endmacro %}
