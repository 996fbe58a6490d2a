with user_days as (

    select * from {{ ref('fact_user_rating_days') }}

),

by_month as (

    select
        rating_month,
        cast(sum(rating_count) as bigint) as rating_count,
        count(distinct user_id) as user_count,
        cast(sum(rating_sum) as decimal(18, 1)) as rating_sum

    from user_days
    group by rating_month

),

final as (

    select
        rating_month,
        rating_count,
        user_count,
        rating_sum,
        {{ mean('rating_sum', 'rating_count') }} as average_rating

    from by_month

)

select * from final
