{# January 1 of a year given as a number; NULL of NULL. #}
{% macro first_day_of_year(year) -%}
    cast(cast({{ year }} as varchar) || '-01-01' as date)
{%- endmacro %}
