{#
    Seconds since 1970-01-01 as the UTC time, a TIMESTAMP without zone; NULL where no year of four digits has
    them, so that no number overflows on the way.
#}
{% macro epoch_to_timestamp(seconds) -%}
    {%- set within = "case when " ~ seconds ~ " between 0 and 253402300799 then " ~ seconds ~ " end" -%}
    {{ return(adapter.dispatch('epoch_to_timestamp', 'netflix')(within)) }}
{%- endmacro %}

{% macro default__epoch_to_timestamp(seconds) -%}
    cast(to_timestamp({{ seconds }}) as timestamp)
{%- endmacro %}

{% macro duckdb__epoch_to_timestamp(seconds) -%}
    make_timestamp(({{ seconds }}) * 1000000)
{%- endmacro %}

{% macro snowflake__epoch_to_timestamp(seconds) -%}
    to_timestamp_ntz({{ seconds }})
{%- endmacro %}
