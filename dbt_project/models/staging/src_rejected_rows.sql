with source as (

    select * from {{ source('raw', 'rejected_rows') }}

),

final as (

    select
        table_name,
        month,
        object_key,
        line_number,
        column_name,
        reason,
        raw_text,
        load_id

    from source

)

select * from final
