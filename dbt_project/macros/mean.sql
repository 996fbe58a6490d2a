{# A mean as DOUBLE from its sum and count, NULL over nothing; avg() of a DECIMAL is cut off in Snowflake. #}
{% macro mean(total, number) -%}
    cast({{ total }} as double) / nullif({{ number }}, 0)
{%- endmacro %}
