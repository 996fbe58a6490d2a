{#
    The months, as a list of 'YYYY-MM', of which a model of rating events does not hold the newest load; where ratings
    arrive by day and the model holds days, the days, as 'YYYY-MM-DD'.

    A load that was corrected, that brought late rows, that emptied a month, or that a refill of the raw
    tables has since replaced under the same number: all differ in load or in number of events, which
    `events` counts over the rows of the model. Of a model that was built before it had a load_id, every month.
    Asked once, while the model is compiled: the strategy `replace_months` finds them in `graph`.
#}
{% macro changed_months(model_relation, load_history, events='count(*)', span='rating_month') -%}
    {%- do ready_session() -%}
    {%- set length = 7 if span == 'rating_month' else 10 -%}
    {%- set columns = adapter.get_columns_in_relation(model_relation) | map(attribute='name') | map('lower') | list -%}
    {%- set query -%}
        with loaded as (

            select
                left(month, {{ length }}) as month,
                max(load_id) as load_id,
                sum(rows_loaded) as rows_loaded

            from {{ load_history }}
            where table_name = 'raw_ratings' and rows_loaded > 0
            group by left(month, {{ length }})

        ),

        held as (

            select
                left(cast({{ span }} as varchar), {{ length }}) as month,
                max({{ 'load_id' if 'load_id' in columns else -1 }}) as load_id,
                {{ events }} as rows_held

            from {{ model_relation }}
            group by {{ span }}

        )

        select coalesce(loaded.month, held.month) as month
        from loaded
        full outer join held
            on loaded.month = held.month
        where
            loaded.month is null
            or held.month is null
            or loaded.load_id <> held.load_id
            or loaded.rows_loaded <> held.rows_held
        order by 1
    {%- endset -%}
    {%- set months = run_query(query).columns[0].values() | list if execute else [] -%}
    {%- do graph.setdefault('changed_months', {}).update({model.unique_id: months}) -%}
    {{ return(months) }}
{%- endmacro %}


{#
    What tells apart the spans of a model that are replaced as a whole: its column rating_month, or where ratings arrive
    by day (in the catalogue of raw files), the day of a time.
#}
{% macro replaced_span(time) -%}
    {{- 'cast(' ~ time ~ ' as date)' if time and env_var('NETFLIX_RATINGS_BY', 'month') == 'day' else 'rating_month' -}}
{%- endmacro %}
