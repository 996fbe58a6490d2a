{% test valid_rows(model, rules=[], references={}) %}

    {{ broken_rules(model, rules, references) }}

{% endtest %}
