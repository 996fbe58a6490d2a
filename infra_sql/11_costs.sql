-- What each query cost, for the transformer to add up by asset. Snowflake's own views show every statement of the
-- whole account; this one shows numbers, of the project's warehouses and the last 90 days. Its owner alone reads
-- Snowflake's. In a database apart, so that clones and counts of rows leave it out.
use role sysadmin;

create database if not exists ${admin_database} comment = 'What administrators show of the account';
create schema if not exists ${admin_database}.operations with managed access;

use role accountadmin;

grant database role snowflake.governance_viewer to role ${costs_role};

use role securityadmin;

grant usage on database ${admin_database} to role ${costs_role};
grant usage, create view on schema ${admin_database}.operations to role ${costs_role};

use role ${costs_role};

create or replace secure view ${admin_database}.operations.query_costs copy grants as
select
    history.query_id,
    -- dbt says in a comment what a statement is for (`query-comment` in dbt_project.yml), all else in its query tag.
    coalesce(
        regexp_substr(history.query_text, '/[*] ([{]"asset": [^*]*[}]) [*]/', 1, 1, 'e', 1), history.query_tag
    ) as query_tag,
    history.warehouse_name,
    history.start_time as started_at,
    history.total_elapsed_time / 1000 as seconds,
    history.bytes_scanned,
    coalesce(attribution.credits_attributed_compute, 0)
    + coalesce(attribution.credits_used_query_acceleration, 0) as credits
from snowflake.account_usage.query_history as history
left join snowflake.account_usage.query_attribution_history as attribution
    on
        history.query_id = attribution.query_id
        and attribution.start_time >= dateadd(day, -91, current_timestamp())
where
    history.start_time >= dateadd(day, -90, current_timestamp())
    and history.query_tag != ''
    and history.warehouse_name in (
        '${loader_warehouse}', '${transformer_warehouse}', '${reporter_warehouse}', '${developer_warehouse}'
    );

use role securityadmin;

grant usage on database ${admin_database} to role ${transformer_role};
grant usage on schema ${admin_database}.operations to role ${transformer_role};
grant select on view ${admin_database}.operations.query_costs to role ${transformer_role};
