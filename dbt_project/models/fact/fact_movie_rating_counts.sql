with ratings as (

    select * from {{ ref('fact_ratings') }}

),

final as (

    select
        movie_id,
        rating,
        count(*) as rating_count

    from ratings
    group by movie_id, rating

)

select * from final
