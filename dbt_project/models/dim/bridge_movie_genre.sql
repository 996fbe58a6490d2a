with movies as (

    select * from {{ ref('src_movies') }}

),

final as (

    {{ split_to_rows('movies', 'movie_id', 'genres', '|', 'genre') }}

)

select * from final
