with scores as (

    select * from {{ ref('movie_scores') }}

),

final as (

    select
        movie_id,
        title,
        release_year,
        genres,
        average_rating,
        rating_count as total_ratings,
        rating_sum

    from scores
    where rating_count >= {{ var('min_ratings') }}

)

select * from final
