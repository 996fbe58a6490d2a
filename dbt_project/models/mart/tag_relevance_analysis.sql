with scores as (

    select * from {{ ref('fact_genome_scores') }}

),

tags as (

    select * from {{ ref('dim_genome_tags') }}

),

by_tag as (

    select
        tag_id,
        count(*) as movie_count,
        sum(relevance) as relevance_sum,
        max(relevance) as max_relevance,
        count(case when relevance >= {{ var('strong_relevance') }} then 1 end) as strong_movie_count

    from scores
    group by tag_id

),

final as (

    select
        tags.tag_id,
        tags.tag_name,
        by_tag.movie_count,
        by_tag.relevance_sum,
        {{ mean('by_tag.relevance_sum', 'by_tag.movie_count') }} as average_relevance,
        by_tag.max_relevance,
        by_tag.strong_movie_count

    from by_tag
    inner join tags
        on by_tag.tag_id = tags.tag_id

)

select * from final
