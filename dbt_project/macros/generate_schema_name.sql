{#
    The schema of a layer, as its name says; a developer's own copy puts NETFLIX_SCHEMA_PREFIX before it.
#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ env_var('NETFLIX_SCHEMA_PREFIX', '') }}{{ (custom_schema_name or target.schema) | trim }}
{%- endmacro %}
