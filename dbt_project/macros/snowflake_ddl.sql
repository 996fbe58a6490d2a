{#
    What dbt-snowflake does in several statements, in as few: each is a round trip, and cloud services are billed too.
    These take the place of its macros of the same name.
#}

{# A description as Snowflake's literal, in which dollars are written as dbt writes them. #}
{% macro comment_literal(description) -%}
    $${{ description | replace('$', '[$]') }}$$
{%- endmacro %}


{# The comment of the relation of the model at work, where its docs are persisted. #}
{% macro relation_comment() -%}
    {%- if config.persist_relation_docs() and model.description -%}
        comment = {{ comment_literal(model.description) }}
    {%- endif -%}
{%- endmacro %}


{# Columns of a contract with their comments, and behind them that of the table. #}
{% macro snowflake__get_table_columns_and_constraints() -%}
    {%- set lines = [] -%}
    {%- set rendered = adapter.render_raw_columns_constraints(raw_columns=model['columns']) -%}
    {%- for column, definition in zip(model['columns'].values(), rendered) -%}
        {%- do lines.append(
            definition ~ (' comment ' ~ comment_literal(column['description']) if config.persist_column_docs())
        ) -%}
    {%- endfor -%}
    (
        {{ (lines + adapter.render_raw_model_constraints(raw_constraints=model['constraints'])) | join(',\n        ') }}
    )
    {{ relation_comment() }}
{%- endmacro %}


{# A view with the comments of its columns and its own; under a contract with the columns that this says. #}
{% macro snowflake__create_view_as(relation, sql) -%}
    {%- if config.get('contract').enforced -%}
        {{- get_assert_columns_equivalent(sql) -}}
        {%- set names = model['columns'].keys() | map('upper') | list -%}
        {%- set sql = get_select_subquery(sql) -%}
    {%- else -%}
        {%- set names = get_columns_in_query(sql) -%}
    {%- endif -%}
    create or replace view {{ relation }}
    {{ get_persist_docs_column_list(model['columns'], names) if config.persist_column_docs() }}
    {{ relation_comment() }}
    as (
        {{ sql }}
    )
{%- endmacro %}


{# The comments of what the macros above did not make just now: a table that was changed, a seed, a snapshot. #}
{% macro snowflake__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- if not config.get('contract').enforced and config.get('materialized') != 'view' -%}
        {{- dbt.snowflake__persist_docs(relation, model, for_relation, for_columns) -}}
    {%- elif is_incremental() -%}
        {%- if config.persist_relation_docs() and model.description -%}
            {%- do run_query(alter_relation_comment(relation, model.description)) -%}
        {%- endif -%}
        {%- if config.persist_column_docs() -%}
            {%- set comments = [] -%}
            {%- for name in model.columns -%}
                {%- do comments.append(get_column_comment_sql(name | upper, model.columns)) -%}
            {%- endfor -%}
            {%- do run_query('alter table ' ~ relation ~ ' alter ' ~ comments | join(', ')) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{# Compares the columns of a query with those of the model's contract, asking for both in one statement. #}
{% macro snowflake__get_assert_columns_equivalent(sql) -%}
    {%- set declared = model['columns'] -%}
    {%- set query -%}
        select *
        from ({{ sql }}) as made
        cross join ({{ get_empty_schema_sql(declared) }}) as declared
        where false
        limit 0
    {%- endset -%}
    {%- set columns = format_columns(adapter.get_column_schema_from_query(query)) -%}
    {%- set made = columns[:columns | length - declared | length] -%}
    {%- set wanted = columns[columns | length - declared | length:] -%}
    {%- if made | map(attribute='formatted') | sort != wanted | map(attribute='formatted') | sort -%}
        {%- do exceptions.raise_contract_error(wanted, made) -%}
    {%- endif -%}
{%- endmacro %}


{# The functions of a schema: a project that makes none asks for none, and gets a row that dbt-snowflake skips. #}
{% macro snowflake__list_function_relations_without_caching(schema_relation) -%}
    {%- if graph.get('functions') -%}
        {{ return(dbt.snowflake__list_function_relations_without_caching(schema_relation)) }}
    {%- endif -%}
    {%- do store_result('functions', response=none) -%}
    {%- set built_in = {'catalog_name': 'none', 'schema_name': 'none', 'name': 'none', 'is_builtin': 'Y'} -%}
    {{ return(load_result('functions').table.from_object([built_in])) }}
{%- endmacro %}
