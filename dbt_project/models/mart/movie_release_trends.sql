with movies as (

    select * from {{ ref('dim_movies') }}

),

scores as (

    select * from {{ ref('movie_scores') }}

),

by_year as (

    select
        movies.release_year,
        count(*) as movie_count,
        count(scores.movie_id) as rated_movie_count,
        cast(coalesce(sum(scores.rating_count), 0) as bigint) as rating_count,
        cast(coalesce(sum(scores.rating_sum), 0) as decimal(18, 1)) as rating_sum

    from movies
    left join scores
        on movies.movie_id = scores.movie_id
    where movies.release_year is not null
    group by movies.release_year

),

final as (

    select
        release_year,
        movie_count,
        rated_movie_count,
        rating_count,
        rating_sum,
        {{ mean('rating_sum', 'rating_count') }} as average_rating

    from by_year

)

select * from final
