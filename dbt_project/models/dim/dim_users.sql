with raters as (

    select distinct user_id from {{ ref('src_ratings') }}

),

taggers as (

    select distinct user_id from {{ ref('src_tags') }}

),

final as (

    select
        coalesce(raters.user_id, taggers.user_id) as user_id,
        raters.user_id is not null as has_rated,
        taggers.user_id is not null as has_tagged

    from raters
    full outer join taggers
        on raters.user_id = taggers.user_id

)

select * from final
