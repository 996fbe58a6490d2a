{# The parameters of netflix_assets/loading/snowflake_parameters.py, which says why, as ALTER SESSION SET takes them. #}
{% macro session_parameters() -%}
    {%- set parameters = {
        'timezone': "'UTC'",
        'date_input_format': "'AUTO'",
        'date_output_format': "'YYYY-MM-DD'",
        'timestamp_input_format': "'AUTO'",
        'timestamp_output_format': "'YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM'",
        'timestamp_ntz_output_format': "'YYYY-MM-DD HH24:MI:SS.FF3'",
        'timestamp_type_mapping': "'TIMESTAMP_NTZ'",
        'quoted_identifiers_ignore_case': 'false',
        'autocommit': 'true',
        'transaction_abort_on_error': 'true',
        'abort_detached_query': 'true',
        'multi_statement_count': '1',
        'rows_per_resultset': '0',
        'error_on_nondeterministic_merge': 'true',
        'lock_timeout': '600',
        'statement_queued_timeout_in_seconds': '1800',
        'statement_timeout_in_seconds': env_var('NETFLIX_SNOWFLAKE_STATEMENT_SECONDS', '3600'),
    } -%}
    {%- for name, value in parameters.items() -%}{{ name }} = {{ value }}{{ ' ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
