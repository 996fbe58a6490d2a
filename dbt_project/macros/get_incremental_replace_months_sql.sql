{#
    Incremental strategy `replace_months`: the months (or days, see replaced_span) in the new rows, and those whose newest load is empty,
    give way to the new rows, in one transaction.

    The months come from the new rows rather than from changed_months a second time, so that a load which
    commits in between waits for the next build instead of losing its month until then.
#}
{% macro get_incremental_replace_months_sql(arg_dict) -%}
    {{ return(adapter.dispatch('get_incremental_replace_months_sql', 'netflix')(arg_dict)) }}
{%- endmacro %}

{% macro default__get_incremental_replace_months_sql(arg_dict) -%}
    {%- set target = arg_dict['target_relation'] -%}
    {%- set new_rows = arg_dict['temp_relation'] -%}
    {%- set columns = get_quoted_csv(arg_dict['dest_columns'] | map(attribute='name')) -%}
    {%- set span = replaced_span(config.get('meta', {}).get('time')) -%}
    {%- set months = changed_months(target, ref('src_load_history'), emptied_only=true, span=span) -%}
    {%- set new_months -%}
        select distinct left(cast({{ span }} as varchar), {{ 7 if span == 'rating_month' else 10 }}) as month
        from {{ new_rows }}
    {%- endset -%}
    {%- do months.extend(run_query(new_months).columns[0].values()) -%}

    delete from {{ target }} where {{ date_in_months(span, months | unique) }};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ new_rows }}
{%- endmacro %}

{% macro snowflake__get_incremental_replace_months_sql(arg_dict) -%}
    {{ return(snowflake_dml_explicit_transaction(default__get_incremental_replace_months_sql(arg_dict))) }}
{%- endmacro %}
