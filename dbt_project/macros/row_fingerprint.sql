{# An aggregate over rows that two sets of rows share only if they hold the same rows, in whatever order. #}
{% macro row_fingerprint(columns) -%}
    {{ return(adapter.dispatch('row_fingerprint', 'netflix')(columns)) }}
{%- endmacro %}

{% macro default__row_fingerprint(columns) -%}
    sum(cast(hash({{ columns | join(', ') }}) as hugeint))
{%- endmacro %}

{% macro snowflake__row_fingerprint(columns) -%}
    hash_agg({{ columns | join(', ') }})
{%- endmacro %}
