{#
    Text is changed here alone: what one warehouse trims, folds or replaces of its own accord, the other does not.
    Every SQL function used stands in netflix_assets_tests/transform/test_sql_functions.py with what each does.
#}

{# The characters that are blank: Unicode's white space, as in `netflix_assets.catalog.BLANKS`. #}
{% macro blanks() -%}
    {{ return(
        "\t\n\u000b\u000c\r\u001c\u001d\u001e\u001f \u0085\u00a0\u1680"
        ~ "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    ) }}
{%- endmacro %}


{# A text without the blanks at its ends. One argument of trim() takes other blanks off on each warehouse. #}
{% macro trim_blanks(text) -%}
    trim({{ text }}, '{{ blanks() }}')
{%- endmacro %}


{# A text with A to Z in lower case; lower() of other letters is each warehouse's own. #}
{% macro lower_letters(text) -%}
    translate({{ text }}, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')
{%- endmacro %}


{# A text with every match of a pattern replaced. #}
{% macro replace_all(text, pattern, replacement) -%}
    {{ return(adapter.dispatch('replace_all', 'netflix')(text, pattern, replacement)) }}
{%- endmacro %}

{% macro default__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}', 'g')
{%- endmacro %}

{% macro snowflake__replace_all(text, pattern, replacement) -%}
    regexp_replace({{ text }}, '{{ pattern }}', '{{ replacement }}')
{%- endmacro %}


{# A list separated by | without empty parts and without blanks around or doubled inside its parts; NULL if empty. #}
{% macro tidy_list(text) -%}
    {%- set spaces = " " * (blanks() | length) -%}
    {%- set single = replace_all("translate(" ~ text ~ ", '" ~ blanks() ~ "', '" ~ spaces ~ "')", " +", " ") -%}
    nullif(trim({{ replace_all(single, " ?[|][ |]*", "|") }}, ' |'), '')
{%- endmacro %}


{#
    An IMDb number as it is written there: digits, at least seven, with zeros before a shorter one. NULL where the
    text is no such number; `tt` before it and `.0` after it are taken off.
#}
{% macro imdb_number(text) -%}
    {%- set digits = "ltrim(" ~ regex_extract(trim_blanks(text), "^[tT]{0,2}([0-9]+)([.]0*)?$") ~ ", '0')" -%}
    case when length({{ digits }}) < 7 then lpad(nullif({{ digits }}, ''), 7, '0') else {{ digits }} end
{%- endmacro %}
