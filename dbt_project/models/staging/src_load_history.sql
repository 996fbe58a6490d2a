with source as (

    select * from {{ source('raw', 'load_history') }}

),

-- A load writes one row an object; a month or table is what its newest load made of it.
ranked as (

    select
        *,
        max(load_id) over (partition by table_name, month) as newest_load_id

    from source

),

final as (

    select
        table_name,
        month,
        load_id,
        sum(rows_loaded) as rows_loaded,
        sum(rows_rejected) as rows_rejected,
        max(loaded_at) as loaded_at

    from ranked
    where load_id = newest_load_id
    group by table_name, month, load_id

)

select * from final
