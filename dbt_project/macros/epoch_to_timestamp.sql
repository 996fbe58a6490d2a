{# Seconds since 1970-01-01 as the UTC time, a TIMESTAMP without zone. #}
{% macro epoch_to_timestamp(seconds) -%}
    {{ return(adapter.dispatch('epoch_to_timestamp', 'netflix')(seconds)) }}
{%- endmacro %}

{% macro default__epoch_to_timestamp(seconds) -%}
    cast(to_timestamp({{ seconds }}) as timestamp)
{%- endmacro %}

{% macro duckdb__epoch_to_timestamp(seconds) -%}
    make_timestamp({{ seconds }} * 1000000)
{%- endmacro %}

{% macro snowflake__epoch_to_timestamp(seconds) -%}
    to_timestamp_ntz({{ seconds }})
{%- endmacro %}
