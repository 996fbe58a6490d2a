-- Like fact_ratings it replaces whole months, so that a new month does not read the others again.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_months',
        on_schema_change='fail',
        meta={'time': 'rated_on'},
    )
}}

{%- set load_history = ref('src_load_history') %}

with ratings as (

    select * from {{ ref('fact_ratings') }}
    {%- if is_incremental() %}
        {%- set span = replaced_span('rated_on') %}
        {%- set months = changed_months(this, load_history, events='sum(rating_count)', span=span) %}
        where
            {{ date_in_months(replaced_span('rated_at'), months) | indent(12) }}
    {%- endif %}

),

final as (

    select
        user_id,
        cast(rated_at as date) as rated_on,
        rating_month,
        -- Else of another precision on Snowflake than the contract's, which on_schema_change may take for a change.
        cast(count(*) as bigint) as rating_count,
        cast(sum(rating) as decimal(18, 1)) as rating_sum,
        min(rated_at) as first_rated_at,
        max(rated_at) as last_rated_at,
        max(load_id) as load_id

    from ratings
    group by user_id, cast(rated_at as date), rating_month

)

select * from final
