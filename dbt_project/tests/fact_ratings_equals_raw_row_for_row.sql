{{ config(meta={'dagster': {'ref': {'name': 'fact_ratings'}}}) }}

{%- set columns = ['user_id', 'movie_id', 'rating', 'rated_at', 'load_id'] %}
{%- set months = newest_months(ref('src_load_history')) %}

with raw_months as (

    select
        cast(date_trunc('month', rated_at) as date) as rating_month,
        count(*) as raw_rows,
        {{ row_fingerprint(columns) }} as raw_fingerprint

    from {{ ref('src_ratings') }}
    where
        {{ epoch_in_months('rated_at_epoch', months) | indent(8) }}
    group by cast(date_trunc('month', rated_at) as date)

),

fact_months as (

    select
        rating_month,
        count(*) as fact_rows,
        {{ row_fingerprint(columns) }} as fact_fingerprint

    from {{ ref('fact_ratings') }}
    where
        {{ date_in_months('rating_month', months) | indent(8) }}
    group by rating_month

),

final as (

    select
        coalesce(raw_months.rating_month, fact_months.rating_month) as rating_month,
        coalesce(raw_months.raw_rows, 0) as raw_rows,
        coalesce(fact_months.fact_rows, 0) as fact_rows

    from raw_months
    full outer join fact_months
        on raw_months.rating_month = fact_months.rating_month
    where
        raw_months.raw_rows is distinct from fact_months.fact_rows
        or raw_months.raw_fingerprint is distinct from fact_months.fact_fingerprint

)

select * from final
