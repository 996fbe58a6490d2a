-- Replaces whole months, so late, corrected, removed and emptied months all arrive; a watermark on the newest
-- time would lose late rows and ties.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_months',
        on_schema_change='fail',
        meta={'time': 'rated_at'},
    )
}}

{%- set load_history = ref('src_load_history') %}

with ratings as (

    select * from {{ ref('src_ratings') }}
    {%- if is_incremental() %}
        {%- set months = changed_months(this, load_history, span=replaced_span('rated_at')) %}
        where
            {{ epoch_in_months('rated_at_epoch', months) | indent(12) }}
    {%- endif %}

),

final as (

    select
        user_id,
        movie_id,
        rating,
        rated_at,
        cast(date_trunc('month', rated_at) as date) as rating_month,
        load_id

    from ratings

)

select * from final
