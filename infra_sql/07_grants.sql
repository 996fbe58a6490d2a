-- Who may do what. The tables that dbt makes belong to the transformer; everything else belongs to SYSADMIN.
use role securityadmin;

grant usage on warehouse ${loader_warehouse} to role ${loader_role};
grant usage on warehouse ${transformer_warehouse} to role ${transformer_role};
grant usage on warehouse ${reporter_warehouse} to role ${reporter_role};
grant usage on database ${database} to role ${loader_role};
grant usage on database ${database} to role ${transformer_role};
grant usage on database ${database} to role ${reporter_role};

-- The loader: rows of the raw tables, tables of its own beside them for the files that it is loading, the stage.
grant usage, create table on schema ${database}.raw to role ${loader_role};
grant select, insert, update, delete on all tables in schema ${database}.raw to role ${loader_role};
grant select, insert, update, delete on future tables in schema ${database}.raw to role ${loader_role};
grant usage on stage ${database}.raw.${stage} to role ${loader_role};
grant usage on file format ${database}.raw.csv_lines to role ${loader_role};

-- The transformer: reads the raw tables, makes tables and views in the schemas below.
grant usage on schema ${database}.raw to role ${transformer_role};
grant select on all tables in schema ${database}.raw to role ${transformer_role};
grant select on future tables in schema ${database}.raw to role ${transformer_role};
grant usage, create table, create view on schema ${database}.staging to role ${transformer_role};
grant usage, create table, create view on schema ${database}.dim to role ${transformer_role};
grant usage, create table, create view on schema ${database}.fact to role ${transformer_role};
grant usage, create table, create view on schema ${database}.mart to role ${transformer_role};
grant usage, create table, create view on schema ${database}.snapshots to role ${transformer_role};
grant usage, create table, create view on schema ${database}.seeds to role ${transformer_role};
grant usage, create table, create view on schema ${database}.reporting to role ${transformer_role};

-- The reporter: reads what is in schema reporting, and what will be.
grant usage on schema ${database}.reporting to role ${reporter_role};
grant select on all tables in schema ${database}.reporting to role ${reporter_role};
grant select on all views in schema ${database}.reporting to role ${reporter_role};
grant select on future tables in schema ${database}.reporting to role ${reporter_role};
grant select on future views in schema ${database}.reporting to role ${reporter_role};
