{% test unique_in_newest_months(model, columns, month_column, load_column, months=12) %}

-- Loading refuses repeated events and a month is replaced as a whole, so a repeat can only come with a month's
-- newest load; over the whole table this would take gigabytes.
with newest_months as (

    select {{ month_column }}
    from {{ model }}
    group by {{ month_column }}
    order by max({{ load_column }}) desc, {{ month_column }} desc
    limit {{ months }}

)

select
    {{ columns | join(', ') }},
    count(*) as occurrences

from {{ model }}
where {{ month_column }} in (select {{ month_column }} from newest_months)
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
