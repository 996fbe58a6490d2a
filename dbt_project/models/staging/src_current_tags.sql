with tags as (

    select * from {{ ref('src_tags') }}

),

final as (

    select
        user_id,
        movie_id,
        tag,
        max(tagged_at) as tagged_at

    from tags
    group by user_id, movie_id, tag

)

select * from final
