with source as (

    select * from {{ source('raw', 'raw_links') }}

),

final as (

    select
        "movieId" as movie_id,
        {{ imdb_number('"imdbId"') }} as imdb_id,
        "tmdbId" as tmdb_id,
        _load_id as load_id

    from source

)

select * from final
