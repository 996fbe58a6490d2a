{{ config(meta={'dagster': {'ref': {'name': 'fact_genome_scores'}}}) }}

-- A movie with more scores than there are tags repeats one; a group by over all pairs would take gigabytes.
select
    movie_id,
    count(*) as scores

from {{ ref('fact_genome_scores') }}
group by movie_id
having count(*) > (select count(*) from {{ ref('dim_genome_tags') }})
