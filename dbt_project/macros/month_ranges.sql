{# Months 'YYYY-MM', or days 'YYYY-MM-DD', as ranges of neighbours: a list of [first day, first day after]. #}
{% macro month_ranges(months) -%}
    {%- set ranges = [] -%}
    {%- for month in months | sort -%}
        {%- set year, number = month[:4] | int, month[5:7] | int -%}
        {%- set start = modules.datetime.date(year, number, (month[8:] or 1) | int) -%}
        {%- if month[8:] -%}
            {%- set end = start + modules.datetime.timedelta(days=1) -%}
        {%- else -%}
            {%- set end = modules.datetime.date(year + number // 12, number % 12 + 1, 1) -%}
        {%- endif -%}
        {%- if ranges and ranges[-1][1] == start -%}
            {%- do ranges.append([ranges.pop()[0], end]) -%}
        {%- else -%}
            {%- do ranges.append([start, end]) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}


{# Whether a column, in seconds since 1970, is in one of these months; false without months. #}
{% macro epoch_in_months(epoch, months) -%}
    {%- set origin = modules.datetime.date(1970, 1, 1) -%}
    {%- for start, end in month_ranges(months) -%}
        {%- set first, after = (start - origin).days * 86400, (end - origin).days * 86400 -%}
        {{ "or " if not loop.first }}({{ epoch }} >= {{ first }} and {{ epoch }} < {{ after }})
        {{- "\n" if not loop.last }}
    {%- else -%}
        false
    {%- endfor -%}
{%- endmacro %}


{# Whether a date is in one of these months; false without months. #}
{% macro date_in_months(date, months) -%}
    {%- for start, end in month_ranges(months) -%}
        {{ "or " if not loop.first }}({{ date }} >= date '{{ start }}' and {{ date }} < date '{{ end }}')
        {{- "\n" if not loop.last }}
    {%- else -%}
        false
    {%- endfor -%}
{%- endmacro %}


{# Whether a text 'YYYY-MM' is one of these months; false without months. #}
{% macro text_in_months(month, months) -%}
    {{ month ~ " in ('" ~ months | join("', '") ~ "')" if months else "false" }}
{%- endmacro %}
