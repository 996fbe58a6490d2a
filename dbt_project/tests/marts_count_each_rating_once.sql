{{ config(meta={'dagster': {'ref': {'name': 'ratings_by_month'}}}) }}

with fact as (

    select
        count(*) as rating_count,
        sum(rating) as rating_sum

    from {{ ref('fact_ratings') }}

),

totals as (

    select
        'fact_movie_rating_counts' as model,
        sum(rating_count) as rating_count,
        sum(rating * rating_count) as rating_sum
    from {{ ref('fact_movie_rating_counts') }}
    union all
    select
        'user_engagement_summary' as model,
        sum(number_of_ratings) as rating_count,
        sum(rating_sum) as rating_sum
    from {{ ref('user_engagement_summary') }}
    union all
    select
        'ratings_by_month' as model,
        sum(rating_count) as rating_count,
        sum(rating_sum) as rating_sum
    from {{ ref('ratings_by_month') }}

),

final as (

    select
        totals.model,
        totals.rating_count,
        totals.rating_sum,
        fact.rating_count as fact_rating_count,
        fact.rating_sum as fact_rating_sum

    from totals
    cross join fact
    where
        coalesce(totals.rating_count, 0) <> fact.rating_count
        or totals.rating_sum is distinct from fact.rating_sum

)

select * from final
