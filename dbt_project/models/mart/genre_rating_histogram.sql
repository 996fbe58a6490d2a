with genres as (

    select distinct genre from {{ ref('bridge_movie_genre') }}

),

distribution as (

    select * from {{ ref('genre_rating_distribution') }}

),

stars as (

    {%- for half_stars in range(1, 11) %}
        select cast({{ half_stars / 2 }} as decimal(2, 1)) as rating{{ " union all" if not loop.last }}
    {%- endfor %}

),

final as (

    select
        genres.genre,
        stars.rating,
        coalesce(distribution.rating_count, 0) as rating_count

    from genres
    cross join stars
    left join distribution
        on
            genres.genre = distribution.genre
            and stars.rating = distribution.rating

)

select * from final
