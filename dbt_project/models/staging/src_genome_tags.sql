with source as (

    select * from {{ source('raw', 'raw_genome_tags') }}

),

final as (

    select
        "tagId" as tag_id,
        {{ trim_blanks('"tag"') }} as tag_name,
        _load_id as load_id

    from source

)

select * from final
