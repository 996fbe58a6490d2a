{{ config(meta={'dagster': {'ref': {'name': 'genre_rating_histogram'}}}) }}

with histogram as (

    select
        genre,
        count(*) as cells,
        sum(rating_count) as rating_count

    from {{ ref('genre_rating_histogram') }}
    group by genre

),

distribution as (

    select
        genre,
        sum(rating_count) as rating_count

    from {{ ref('genre_rating_distribution') }}
    where rating * 2 = floor(rating * 2)
    group by genre

),

final as (

    select
        coalesce(histogram.genre, distribution.genre) as genre,
        histogram.cells,
        histogram.rating_count,
        distribution.rating_count as distribution_rating_count

    from histogram
    full outer join distribution
        on histogram.genre = distribution.genre
    where
        histogram.cells is distinct from 10
        or coalesce(histogram.rating_count, 0) <> coalesce(distribution.rating_count, 0)

)

select * from final
