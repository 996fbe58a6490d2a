with movies as (

    select * from {{ ref('src_movies') }}

),

links as (

    select * from {{ ref('src_links') }}

),

final as (

    select
        movies.movie_id,
        movies.title,
        movies.movie_title,
        movies.release_year,
        movies.genres,
        links.imdb_id,
        links.tmdb_id

    from movies
    left join links
        on movies.movie_id = links.movie_id

)

select * from final
