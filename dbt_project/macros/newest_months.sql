{#
    The months, as a list of 'YYYY-MM', that tests of big tables look at: all that the newest load of ratings brought,
    and with those of the loads before it no more than twelve; of one load, with at_most, the newest so many.

    A month is replaced as a whole and never changed otherwise, so what it held before its newest load was tested
    then. With var every_month, all.
#}
{% macro newest_months(load_history, at_most=none) -%}
    {%- do ready_session() -%}
    {%- set query -%}
        with months as (

            select
                left(month, 7) as month,
                max(load_id) as load_id

            from {{ load_history }}
            where table_name = 'raw_ratings'
            group by left(month, 7)

        ),

        counted as (

            select
                month,
                load_id,
                rank() over (order by load_id desc) as place,
                count(*) over (order by load_id desc) as months_so_far

            from months

        )

        select month
        from counted
        {% if not var('every_month') -%}
            where place = 1 or months_so_far <= 12
        {%- endif %}
        order by load_id desc, month desc
        {{ "limit " ~ at_most if at_most and not var('every_month') }}
    {%- endset -%}
    {#- dbt renders tests for its documentation, where there may be no warehouse yet. -#}
    {%- set is_there = execute and load_relation(load_history) is not none -%}
    {{ return(run_query(query).columns[0].values() | list if is_there else []) }}
{%- endmacro %}
