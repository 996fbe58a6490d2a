{#
    The rules that rows of a relation break, one row a rule with the number of rows, in one scan of the
    relation: each test of its own would read a big table again. A rule is an SQL condition; a reference says
    that a column's values are in the column of the same name of another relation, where they are unique. With a
    condition, only the rows for which it holds are looked at.
#}
{% macro broken_rules(relation, rules, references, condition=none) -%}
    {%- set conditions = rules | list -%}
    {%- set joins = [] -%}
    {%- for column, parent in references.items() -%}
        {%- set parents = '(select ' ~ column ~ ' as parent_' ~ column ~ ' from ' ~ parent ~ ')' -%}
        {%- do joins.append('left join ' ~ parents ~ ' as p' ~ loop.index ~ ' on ' ~ column ~ ' = parent_' ~ column) -%}
        {%- do conditions.append(column ~ ' is null or parent_' ~ column ~ ' is not null') -%}
    {%- endfor -%}

    {%- set counts = [] -%}
    {%- set results = [] -%}
    {%- for condition in conditions -%}
        {%- set name = 'rule_' ~ loop.index -%}
        {%- do counts.append('count(case when not coalesce(' ~ condition ~ ', false) then 1 end) as ' ~ name) -%}
        {%- set rule = "'" ~ condition | replace("'", "''") ~ "'" -%}
        {%- do results.append('select ' ~ rule ~ ' as rule, ' ~ name ~ ' as broken_rows from counted') -%}
    {%- endfor -%}

    with counted as (

        select
            {{ counts | join(',\n            ') }}

        from {{ relation }} {{ joins | join(' ') }}
        where {{ condition or 'true' }}

    ),

    results as (

        {{ results | join('\n        union all\n        ') }}

    )

    select * from results where broken_rows > 0
{%- endmacro %}
