{{ config(meta={'dagster': {'ref': {'name': 'mart_movie_releases'}}}) }}

with scores as (

    select
        count(*) as rated_movies,
        coalesce(sum(rating_count), 0) as rating_count

    from {{ ref('movie_scores') }}

),

releases as (

    select
        count(average_rating) as rated_movies,
        coalesce(sum(rating_count), 0) as rating_count

    from {{ ref('mart_movie_releases') }}

),

known as (

    select
        count(distinct counts.movie_id) as rated_movies,
        coalesce(sum(counts.rating_count), 0) as rating_count

    from {{ ref('fact_movie_rating_counts') }} as counts
    inner join {{ ref('dim_movies') }} as movies
        on counts.movie_id = movies.movie_id

),

final as (

    select
        scores.rated_movies as scored_movies,
        releases.rated_movies as released_movies,
        known.rated_movies as known_movies

    from scores
    cross join releases
    cross join known
    where
        scores.rated_movies <> known.rated_movies
        or releases.rated_movies <> known.rated_movies
        or scores.rating_count <> known.rating_count
        or releases.rating_count <> known.rating_count

)

select * from final
