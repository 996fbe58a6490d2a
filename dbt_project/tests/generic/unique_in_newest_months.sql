{% test unique_in_newest_months(model, columns, month_column) %}

-- Loading refuses repeated events and a month is replaced as a whole, so a repeat can only come with a month's
-- newest load; over the whole table this would take gigabytes.
select
    {{ columns | join(', ') }},
    count(*) as occurrences

from {{ model }}
where {{ date_in_months(month_column, newest_months(ref('src_load_history'), at_most=12)) }}
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
