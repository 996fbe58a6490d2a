{{ config(meta={'dagster': {'ref': {'name': 'fact_genome_scores'}}}) }}

{{ keys_with_repeats(ref('fact_genome_scores'), 'movie_id', 'tag_id') }}
