with scores as (

    select * from {{ ref('src_genome_scores') }}

),

final as (

    select
        movie_id,
        tag_id,
        relevance

    from scores

)

select * from final
