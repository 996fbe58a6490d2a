with source as (

    select * from {{ source('raw', 'raw_ratings') }}

),

final as (

    select
        "userId" as user_id,
        "movieId" as movie_id,
        "rating" as rating,
        {{ epoch_to_timestamp('"timestamp"') }} as rated_at,
        -- Kept because a range of it prunes the raw table, which a range of rated_at does not.
        "timestamp" as rated_at_epoch,
        _load_id as load_id

    from source

)

select * from final
