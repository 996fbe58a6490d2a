with tags as (

    select * from {{ ref('tag_relevance_analysis') }}

),

final as (

    select
        tag_id,
        tag_name as tag,
        movie_count as movies,
        relevance_sum as relevance_total,
        average_relevance,
        strong_movie_count as strong_movies

    from tags

)

select * from final
