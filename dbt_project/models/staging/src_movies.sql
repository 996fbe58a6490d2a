with source as (

    select * from {{ source('raw', 'raw_movies') }}

),

trimmed as (

    select
        "movieId" as movie_id,
        {{ trim_blanks('"title"') }} as title,
        coalesce({{ tidy_list('"genres"') }}, '(no genres listed)') as genres,
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

-- Nor is "(0000)": no film is older than 1870.
dated as (

    select
        *,
        case when year_text between '1870' and '2100' then year_text end as release_year_text

    from parsed

),

final as (

    select
        movie_id,
        title,
        case
            when release_year_text is null then title
            else coalesce(nullif({{ trim_blanks('left(title, length(title) - 6)') }}, ''), title)
        end as movie_title,
        cast(release_year_text as integer) as release_year,
        genres,
        load_id

    from dated

)

select * from final
