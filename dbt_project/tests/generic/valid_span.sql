{% test valid_span(model, start, end) %}

select *
from {{ model }}
where {{ end }} < {{ start }}

{% endtest %}
