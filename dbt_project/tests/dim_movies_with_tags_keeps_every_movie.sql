{{ config(meta={'dagster': {'ref': {'name': 'dim_movies_with_tags'}}}) }}

select movies.movie_id
from {{ ref('dim_movies') }} as movies
where not exists (
    select 1
    from {{ ref('dim_movies_with_tags') }} as with_tags
    where with_tags.movie_id = movies.movie_id
)
