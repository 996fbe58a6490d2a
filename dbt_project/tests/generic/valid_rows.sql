{% test valid_rows(model, rules=[], references={}, month_column=none) %}

    {%- set newest = date_in_months(month_column, newest_months(ref('src_load_history'))) if month_column %}
    {{ broken_rules(model, rules, references, newest) }}

{% endtest %}
