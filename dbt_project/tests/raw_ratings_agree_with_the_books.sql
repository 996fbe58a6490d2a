{{ config(meta={'dagster': {'ref': {'name': 'src_ratings'}}}) }}

{%- set months = newest_months(ref('src_load_history')) %}

with booked as (

    select
        left(month, 7) as month,
        sum(rows_loaded) as rows_loaded

    from {{ ref('src_load_history') }}
    where
        table_name = 'raw_ratings'
        and rows_loaded > 0
        and {{ text_in_months('left(month, 7)', months) }}
    group by left(month, 7)

),

held as (

    select
        left(cast(date_trunc('month', rated_at) as varchar), 7) as month,
        count(*) as rows_held

    from {{ ref('src_ratings') }}
    {%- if not var('every_month') %}
        where
            {{ epoch_in_months('rated_at_epoch', months) | indent(12) }}
    {%- endif %}
    group by date_trunc('month', rated_at)

),

final as (

    select
        coalesce(booked.month, held.month) as month,
        booked.rows_loaded,
        held.rows_held

    from booked
    full outer join held
        on booked.month = held.month
    where booked.rows_loaded is distinct from held.rows_held

)

select * from final
