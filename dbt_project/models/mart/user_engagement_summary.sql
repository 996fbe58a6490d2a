with user_days as (

    select * from {{ ref('fact_user_rating_days') }}

),

by_user as (

    select
        user_id,
        cast(sum(rating_count) as bigint) as number_of_ratings,
        cast(sum(rating_sum) as decimal(18, 1)) as rating_sum,
        min(first_rated_at) as first_rated_at,
        max(last_rated_at) as last_rated_at,
        count(*) as active_days

    from user_days
    group by user_id

),

final as (

    select
        user_id,
        number_of_ratings,
        rating_sum,
        {{ mean('rating_sum', 'number_of_ratings') }} as average_rating_given,
        first_rated_at,
        last_rated_at,
        active_days

    from by_user

)

select * from final
