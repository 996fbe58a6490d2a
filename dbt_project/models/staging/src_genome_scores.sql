with source as (

    select * from {{ source('raw', 'raw_genome_scores') }}

),

final as (

    select
        "movieId" as movie_id,
        "tagId" as tag_id,
        "relevance" as relevance,
        _load_id as load_id

    from source

)

select * from final
