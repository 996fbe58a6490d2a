{#
    Makes the session of this thread of dbt with Snowflake fit for a node: sets, once, what no account or user may
    decide; and where the node before did not come to its end, rolls back what it left open. dbt does not, and the
    first DDL after it would commit half of it (https://github.com/dbt-labs/dbt-core/issues/12330). A thread has one
    session, since the profile says `reuse_connections`.

    What is known of a session is kept in `graph`, the only thing that all nodes of an invocation share. Called
    before anything is asked on behalf of a node: at the start of a node, and by macros that ask while a node is
    compiled.
#}
{% macro ready_session() -%}
    {%- if execute and target.type == 'snowflake' -%}
        {%- set sessions = graph.setdefault('sessions', {}) -%}
        {%- if thread_id not in sessions -%}
            {%- do run_query('alter session set ' ~ session_parameters()) -%}
        {%- elif sessions[thread_id].is_at_work and sessions[thread_id].node != model.unique_id -%}
            {%- do run_query('rollback') -%}
        {%- endif -%}
        {%- if thread_id not in sessions or sessions[thread_id].node != model.unique_id -%}
            {%- do sessions.update({thread_id: {
                'node': model.unique_id,
                'is_at_work': false,
                'is_incremental': model.config.materialized == 'incremental',
                'columns': {},
            }}) -%}
        {%- endif -%}
    {%- endif -%}
{% endmacro %}


{# Begins each node on Snowflake: what dbt calls there before all else, whatever there is to be tagged. #}
{% macro set_query_tag() -%}
    {%- do ready_session() -%}
    {%- do graph['sessions'][thread_id].update({'is_at_work': true}) -%}
    {{ return(none) }}
{% endmacro %}


{# Ends each node on Snowflake that came to its end. #}
{% macro unset_query_tag(original_query_tag) -%}
    {%- do graph['sessions'][thread_id].update({'is_at_work': false, 'is_incremental': false, 'columns': {}}) -%}
{% endmacro %}


{#
    The columns of a relation. An incremental model, which dbt has describe the same tables again and again, asks once
    for each, and again after it changed some.
#}
{% macro snowflake__get_columns_in_relation(relation) -%}
    {%- set known = known_columns() -%}
    {%- set name = relation | replace('"', '') | upper -%}
    {%- if name in known -%}
        {{ return(known[name]) }}
    {%- endif -%}
    {%- set columns = dbt.snowflake__get_columns_in_relation(relation) -%}
    {%- if graph.get('sessions', {}).get(thread_id, {}).get('is_incremental') -%}
        {%- do known.update({name: columns}) -%}
    {%- endif -%}
    {{ return(columns) }}
{%- endmacro %}

{% macro snowflake__alter_column_type(relation, column_name, new_column_type) -%}
    {%- do known_columns().clear() -%}
    {{ dbt.snowflake__alter_column_type(relation, column_name, new_column_type) }}
{%- endmacro %}

{% macro snowflake__alter_relation_add_remove_columns(relation, add_columns, remove_columns) -%}
    {%- do known_columns().clear() -%}
    {{ dbt.snowflake__alter_relation_add_remove_columns(relation, add_columns, remove_columns) }}
{%- endmacro %}

{# What the node at work on this thread knows of columns, by the name of the relation. #}
{% macro known_columns() -%}
    {{ return(graph.get('sessions', {}).get(thread_id, {}).get('columns', {})) }}
{%- endmacro %}


{#
    The schemas of a database. dbt asks at once for each schema that it builds, and adds up the answers: one of them
    asks, and the others have nothing to say until it knows.
#}
{% macro snowflake__list_schemas(database) -%}
    {%- set asked = graph.setdefault('listed_schemas', {}).setdefault(database, {'by': thread_id, 'rows': none}) -%}
    {%- if asked.rows is none and asked.by == thread_id -%}
        {%- do asked.update({'rows': dbt.snowflake__list_schemas(database)}) -%}
    {%- endif -%}
    {{ return(asked.rows or []) }}
{%- endmacro %}
