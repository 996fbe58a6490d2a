with movies as (

    select * from {{ ref('movie_analysis') }}

),

final as (

    select
        movie_id,
        title as movie,
        release_year,
        {{ first_day_of_year('release_year') }} as released_in,
        genres,
        total_ratings as ratings,
        rating_sum as stars_total,
        average_rating

    from movies

)

select * from final
