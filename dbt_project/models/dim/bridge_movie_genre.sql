with movies as (

    select * from {{ ref('src_movies') }}

),

listed as (

    {{ split_to_rows('movies', 'movie_id', 'genres', '|', 'genre') }}

),

-- "drama" and "Drama" are one genre, spelt as most movies spell it.
spellings as (

    select
        genre,
        {{ lower_letters('genre') }} as folded,
        row_number() over (partition by {{ lower_letters('genre') }} order by count(*) desc, genre) as place

    from listed
    group by genre

),

final as (

    select distinct
        listed.movie_id,
        spellings.genre

    from listed
    inner join spellings
        on {{ lower_letters('listed.genre') }} = spellings.folded
    where spellings.place = 1

)

select * from final
