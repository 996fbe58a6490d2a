with genres as (

    select * from {{ ref('bridge_movie_genre') }}

),

rating_counts as (

    select * from {{ ref('fact_movie_rating_counts') }}

),

by_genre_and_rating as (

    select
        genres.genre,
        rating_counts.rating,
        cast(sum(rating_counts.rating_count) as bigint) as rating_count

    from genres
    inner join rating_counts
        on genres.movie_id = rating_counts.movie_id
    group by genres.genre, rating_counts.rating

),

with_totals as (

    select
        *,
        cast(sum(rating_count) over (partition by genre) as bigint) as genre_rating_count,
        cast(sum(rating * rating_count) over (partition by genre) as decimal(18, 1)) as genre_rating_sum

    from by_genre_and_rating

),

final as (

    select
        genre,
        rating,
        rating_count,
        {{ mean('rating_count', 'genre_rating_count') }} as share_of_genre,
        genre_rating_count,
        genre_rating_sum,
        {{ mean('genre_rating_sum', 'genre_rating_count') }} as genre_average_rating

    from with_totals

)

select * from final
