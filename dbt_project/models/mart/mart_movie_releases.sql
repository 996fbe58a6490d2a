with movies as (

    select * from {{ ref('dim_movies') }}

),

scores as (

    select * from {{ ref('movie_scores') }}

),

release_dates as (

    select * from {{ ref('seed_movie_release_dates') }}

),

final as (

    select
        movies.movie_id,
        movies.title,
        release_dates.release_date,
        coalesce(cast(extract(year from release_dates.release_date) as integer), movies.release_year) as release_year,
        case when release_dates.release_date is null then 'unknown' else 'known' end as release_info_available,
        coalesce(scores.rating_count, 0) as rating_count,
        coalesce(scores.rating_sum, 0) as rating_sum,
        scores.average_rating

    from movies
    left join scores
        on movies.movie_id = scores.movie_id
    left join release_dates
        on movies.movie_id = release_dates.movie_id and movies.title = release_dates.title

)

select * from final
