{#
    Incremental strategy `replace_months`: the months (or days, see replaced_span) that changed_months gave the model
    give way to the new rows, in one transaction. The new rows are of these months alone; one that has none is empty.

    They are those by which the new rows were chosen, not asked for again, so that a load which commits in between
    waits for the next build instead of losing its month until then.
#}
{% macro get_incremental_replace_months_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_replace_months_sql', 'netflix')(arg_dict)) }}
{%- endmacro %}

{% macro default__get_incremental_replace_months_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set new_rows = arg_dict['temp_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set span = replaced_span(config.get('meta', {}).get('time')) -%}
    {%- set months = graph['changed_months'][model.unique_id] -%}

    delete from {{ target }} where {{ date_in_months(span, months) }};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ new_rows }}
{%- endmacro %}

{% macro snowflake__get_incremental_replace_months_sql(arg_dict) -%}
    {{ return(snowflake_dml_explicit_transaction(default__get_incremental_replace_months_sql(arg_dict))) }}
{%- endmacro %}
