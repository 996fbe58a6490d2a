{{ config(meta={'dagster': {'ref': {'name': 'seed_movie_release_dates'}}}) }}

select
    movies.movie_id,
    movies.title,
    dates.release_date

from {{ ref('seed_movie_release_dates') }} as dates
inner join {{ ref('dim_movies') }} as movies
    on dates.movie_id = movies.movie_id and dates.title = movies.title
where abs(extract(year from dates.release_date) - movies.release_year) > 1
