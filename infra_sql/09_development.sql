-- The twin of the database for development: transient (nothing to recover, cheaper to keep) and in the hands of
-- one role for people. dbt and the first load make its schemas and tables, each developer's with a prefix.
use role sysadmin;

create transient database if not exists ${dev_database} comment = 'The twin of ${database} for development';
alter database ${dev_database} set default_ddl_collation = '';
create schema if not exists ${dev_database}.raw;
create file format if not exists ${dev_database}.raw.csv_lines
    type = csv field_delimiter = none record_delimiter = '\n' encoding = 'UTF8' field_optionally_enclosed_by = none
    escape = none escape_unenclosed_field = none skip_header = 0 skip_blank_lines = false trim_space = false
    empty_field_as_null = false null_if = () replace_invalid_characters = true;
create stage if not exists ${dev_database}.raw.${stage}
    url = 's3://${bucket}/raw/' storage_integration = ${storage_integration}
    file_format = (format_name = '${dev_database}.raw.csv_lines');
alter stage ${dev_database}.raw.${stage} set
    url = 's3://${bucket}/raw/' storage_integration = ${storage_integration};

use role securityadmin;

grant usage on warehouse ${developer_warehouse} to role ${developer_role};
grant usage, create schema on database ${dev_database} to role ${developer_role};
grant usage, create table, create view on schema ${dev_database}.raw to role ${developer_role};
grant usage on stage ${dev_database}.raw.${stage} to role ${developer_role};
grant usage on file format ${dev_database}.raw.csv_lines to role ${developer_role};
