{{ config(severity='warn', meta={'dagster': {'ref': {'name': 'src_movies'}}}) }}

-- Where every genre is listed once and as the bridge spells it, each separator but the last has a row there.
with listed as (

    select
        movie_id,
        genres,
        length(genres) - length(replace(genres, '|', '')) + 1 as genre_count

    from {{ ref('src_movies') }}

),

bridged as (

    select
        listed.movie_id,
        count(*) as genre_count

    from listed
    inner join {{ ref('bridge_movie_genre') }} as genres
        on
            listed.movie_id = genres.movie_id
            and contains('|' || listed.genres || '|', '|' || genres.genre || '|')
    group by listed.movie_id

),

final as (

    select
        listed.movie_id,
        listed.genres

    from listed
    left join bridged
        on listed.movie_id = bridged.movie_id
    where listed.genre_count is distinct from bridged.genre_count

)

select * from final
