{#
    The months, as a list of 'YYYY-MM', of which a model of rating events does not hold the newest load.

    A load that was corrected, that brought late rows, that emptied a month, or that a refill of the raw
    tables has since replaced under the same number: all differ in load or in number of events, which
    `events` counts over the rows of the model. With emptied_only, just the months that the model holds and
    the newest load does not. Of a model that was built before it had a load_id, every month.
#}
{% macro changed_months(model_relation, load_history, events='count(*)', emptied_only=false) -%}
    {%- set columns = adapter.get_columns_in_relation(model_relation) | map(attribute='name') | map('lower') | list -%}
    {%- set query -%}
        with loaded as (

            select
                month,
                load_id,
                rows_loaded

            from {{ load_history }}
            where table_name = 'raw_ratings' and rows_loaded > 0

        ),

        held as (

            select
                left(cast(rating_month as varchar), 7) as month,
                max({{ 'load_id' if 'load_id' in columns else -1 }}) as load_id,
                {{ events }} as rows_held

            from {{ model_relation }}
            group by rating_month

        )

        select coalesce(loaded.month, held.month) as month
        from loaded
        full outer join held
            on loaded.month = held.month
        where
            (
                loaded.month is null
                or held.month is null
                or loaded.load_id <> held.load_id
                or loaded.rows_loaded <> held.rows_held
            )
            {{ "and loaded.month is null" if emptied_only }}
        order by 1
    {%- endset -%}
    {{ return(run_query(query).columns[0].values() | list if execute else []) }}
{%- endmacro %}
