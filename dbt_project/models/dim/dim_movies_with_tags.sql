-- A view: as a table it would repeat a title for each of up to 16 million scores.
{{ config(materialized='view') }}

with movies as (

    select * from {{ ref('dim_movies') }}

),

scores as (

    select * from {{ ref('fact_genome_scores') }}

),

tags as (

    select * from {{ ref('dim_genome_tags') }}

),

final as (

    select
        movies.movie_id,
        movies.title,
        movies.genres,
        scores.tag_id,
        tags.tag_name,
        scores.relevance

    from movies
    left join scores
        on movies.movie_id = scores.movie_id
    left join tags
        on scores.tag_id = tags.tag_id

)

select * from final
