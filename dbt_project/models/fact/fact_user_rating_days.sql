with ratings as (

    select * from {{ ref('fact_ratings') }}

),

final as (

    select
        user_id,
        cast(rated_at as date) as rated_on,
        count(*) as rating_count,
        cast(sum(rating) as decimal(18, 1)) as rating_sum,
        min(rated_at) as first_rated_at,
        max(rated_at) as last_rated_at

    from ratings
    group by user_id, cast(rated_at as date)

)

select * from final
