with years as (

    select * from {{ ref('movie_release_trends') }}

),

final as (

    select
        release_year,
        {{ first_day_of_year('release_year') }} as released_in,
        movie_count as movies,
        rated_movie_count as rated_movies,
        rating_count as ratings,
        rating_sum as stars_total,
        average_rating

    from years

)

select * from final
