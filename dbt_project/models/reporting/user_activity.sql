with users as (

    select * from {{ ref('user_engagement_summary') }}

),

final as (

    select
        user_id,
        case
            when number_of_ratings < 20 then '1: under 20'
            when number_of_ratings < 50 then '2: 20 to 49'
            when number_of_ratings < 100 then '3: 50 to 99'
            when number_of_ratings < 200 then '4: 100 to 199'
            when number_of_ratings < 500 then '5: 200 to 499'
            when number_of_ratings < 1000 then '6: 500 to 999'
            else '7: 1,000 or more'
        end as activity,
        number_of_ratings as ratings,
        rating_sum as stars_total,
        average_rating_given as average_rating,
        cast(first_rated_at as date) as first_rated_on,
        cast(last_rated_at as date) as last_rated_on,
        active_days

    from users

)

select * from final
