with source as (

    select * from {{ source('raw', 'raw_tags') }}

),

final as (

    select
        "userId" as user_id,
        "movieId" as movie_id,
        "tag" as tag,
        {{ epoch_to_timestamp('"timestamp"') }} as tagged_at,
        _load_id as load_id

    from source

)

select * from final
