-- Like fact_ratings it replaces whole months: to count the users of all of them again takes seconds.
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_months',
        on_schema_change='append_new_columns',
    )
}}

{%- set load_history = ref('src_load_history') %}

with user_days as (

    select * from {{ ref('fact_user_rating_days') }}
    {%- if is_incremental() %}
        {%- set months = changed_months(this, load_history, events='sum(rating_count)') %}
        where
            {{ date_in_months('rating_month', months) | indent(12) }}
    {%- endif %}

),

by_month as (

    select
        rating_month,
        cast(sum(rating_count) as bigint) as rating_count,
        count(distinct user_id) as user_count,
        cast(sum(rating_sum) as decimal(18, 1)) as rating_sum,
        max(load_id) as load_id

    from user_days
    group by rating_month

),

final as (

    select
        rating_month,
        rating_count,
        user_count,
        rating_sum,
        load_id,
        {{ mean('rating_sum', 'rating_count') }} as average_rating

    from by_month

)

select * from final
