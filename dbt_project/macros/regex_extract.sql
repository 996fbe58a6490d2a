{# The first group of a pattern in a text, NULL where the pattern does not match. #}
{% macro regex_extract(text, pattern) -%}
    {{ return(adapter.dispatch('regex_extract', 'netflix')(text, pattern)) }}
{%- endmacro %}

{% macro default__regex_extract(text, pattern) -%}
    nullif(regexp_extract({{ text }}, '{{ pattern }}', 1), '')
{%- endmacro %}

{% macro snowflake__regex_extract(text, pattern) -%}
    regexp_substr({{ text }}, '{{ pattern }}', 1, 1, 'e', 1)
{%- endmacro %}
