{#
    Begins each node on Snowflake. Rolls back what a node that failed before on this session left open: dbt does not,
    and the first DDL after it would commit half of it (https://github.com/dbt-labs/dbt-core/issues/12330). Then sets
    what no account or user may decide, and tags the statements of the node as those of a load are tagged:
    {"asset", "partition", "run_id"}. A test's are those of the asset that it tests; a unit test
    calls no such macro. dbt's own macros read the tag before and reset it after.
#}
{% macro set_query_tag() -%}
    {%- set tested = model.get('attached_node') or (model.depends_on.nodes | first) -%}
    {%- set parent = graph.nodes.get(tested) or graph.sources.get(tested) -%}
    {%- set node = parent if model.resource_type == 'test' and parent else model -%}
    {%- set tag = {
        'asset': (node.config.get('schema') or node.schema) ~ '/' ~ node.name,
        'partition': none,
        'run_id': env_var('NETFLIX_RUN_ID', '') or invocation_id,
    } -%}
    {%- do run_query('rollback') -%}
    {%- do run_query(
        "alter session set " ~ session_parameters() ~ " query_tag = '" ~ (tojson(tag) | replace("'", "''")) ~ "'"
    ) -%}
    {{ return(none) }}
{%- endmacro %}

{% macro unset_query_tag(original_query_tag) -%}
{%- endmacro %}
