with stars as (

    select * from {{ ref('genre_rating_histogram') }}

),

final as (

    select
        genre,
        rating as stars,
        rating_count as ratings,
        cast(rating * rating_count as decimal(18, 1)) as stars_total

    from stars
    where genre not in ('(no genres listed)', 'IMAX')

)

select * from final
