{#
    Tags the statements of a node as those of a load are tagged: {"asset", "partition", "run_id"}. A test's are
    those of the asset that it tests. One statement a node: dbt's own macros read the tag before and reset it after.
#}
{% macro set_query_tag() -%}
    {%- set tested = model.get('attached_node') or (model.depends_on.nodes | first) -%}
    {%- set parent = graph.nodes.get(tested) or graph.sources.get(tested) -%}
    {%- set node = parent if model.resource_type in ('test', 'unit_test') and parent else model -%}
    {%- set tag = {
        'asset': (node.config.get('schema') or node.schema) ~ '/' ~ node.name,
        'partition': none,
        'run_id': env_var('NETFLIX_RUN_ID', '') or invocation_id,
    } -%}
    {%- do run_query("alter session set query_tag = '" ~ (tojson(tag) | replace("'", "''")) ~ "'") -%}
    {{ return(none) }}
{%- endmacro %}

{% macro unset_query_tag(original_query_tag) -%}
{%- endmacro %}
