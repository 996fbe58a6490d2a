with rating_counts as (

    select * from {{ ref('fact_movie_rating_counts') }}

),

movies as (

    select * from {{ ref('dim_movies') }}

),

by_movie as (

    select
        movie_id,
        cast(sum(rating_count) as bigint) as rating_count,
        cast(sum(rating * rating_count) as decimal(18, 1)) as rating_sum

    from rating_counts
    group by movie_id

),

overall as (

    select {{ mean('sum(rating_sum)', 'sum(rating_count)') }} as overall_mean
    from by_movie

),

final as (

    select
        movies.movie_id,
        movies.title,
        movies.release_year,
        movies.genres,
        by_movie.rating_count,
        by_movie.rating_sum,
        {{ mean('by_movie.rating_sum', 'by_movie.rating_count') }} as average_rating,
        overall.overall_mean,
        ({{ var('prior_ratings') }} * overall.overall_mean + cast(by_movie.rating_sum as double))
        / ({{ var('prior_ratings') }} + by_movie.rating_count) as weighted_score

    from by_movie
    inner join movies
        on by_movie.movie_id = movies.movie_id
    cross join overall

)

select * from final
