with source as (

    select * from {{ source('raw', 'raw_movies') }}

),

trimmed as (

    select
        "movieId" as movie_id,
        trim("title") as title,
        "genres" as genres,
        _load_id as load_id

    from source

),

-- Only one year at the end is a year of release: a span as in "(2006–2007)" is a series' run.
parsed as (

    select
        *,
        {{ regex_extract('title', '[(]([0-9]{4})[)]$') }} as year_text

    from trimmed

),

final as (

    select
        movie_id,
        title,
        case
            when year_text is null then title
            else coalesce(nullif(trim(left(title, length(title) - 6)), ''), title)
        end as movie_title,
        cast(year_text as integer) as release_year,
        genres,
        load_id

    from parsed

)

select * from final
