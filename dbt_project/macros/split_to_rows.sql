{# A select of `key` and a row for each distinct piece of `column`, as `piece`. #}
{% macro split_to_rows(relation, key, column, delimiter, piece) -%}
    {{ return(adapter.dispatch('split_to_rows', 'netflix')(relation, key, column, delimiter, piece)) }}
{%- endmacro %}

{% macro default__split_to_rows(relation, key, column, delimiter, piece) -%}
    select distinct
        {{ key }},
        unnest(string_split({{ column }}, '{{ delimiter }}')) as {{ piece }}

    from {{ relation }}
{%- endmacro %}

{% macro snowflake__split_to_rows(relation, key, column, delimiter, piece) -%}
    select distinct
        {{ relation }}.{{ key }},
        cast(pieces.value as varchar) as {{ piece }}

    from {{ relation }}, lateral flatten(input => split({{ relation }}.{{ column }}, '{{ delimiter }}')) as pieces
{%- endmacro %}
