-- How Snowflake reads the bucket: as an IAM role of yours, without any AWS key. It may only read under raw/.
-- Never replace the integration: a new one has another external ID, which the IAM role does not trust.
use role accountadmin;

create storage integration if not exists ${storage_integration}
    type = external_stage storage_provider = 'S3' enabled = true
    storage_aws_role_arn = '${storage_role_arn}'
    storage_allowed_locations = ('s3://${bucket}/raw/');
alter storage integration ${storage_integration} set
    enabled = true
    storage_aws_role_arn = '${storage_role_arn}'
    storage_allowed_locations = ('s3://${bucket}/raw/');

use role securityadmin;

grant usage on integration ${storage_integration} to role sysadmin;

use role sysadmin;

-- Every line as one text, nothing skipped or trimmed: the load tells fields, numbers and faults itself.
create file format if not exists ${database}.raw.csv_lines
    type = csv field_delimiter = none record_delimiter = '\n' encoding = 'UTF8' field_optionally_enclosed_by = none
    escape = none escape_unenclosed_field = none skip_header = 0 skip_blank_lines = false trim_space = false
    empty_field_as_null = false null_if = () replace_invalid_characters = true;
create stage if not exists ${database}.raw.${stage}
    url = 's3://${bucket}/raw/' storage_integration = ${storage_integration}
    file_format = (format_name = '${database}.raw.csv_lines');
alter stage ${database}.raw.${stage} set
    url = 's3://${bucket}/raw/' storage_integration = ${storage_integration};
