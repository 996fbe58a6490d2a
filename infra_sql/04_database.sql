-- The database and a schema a layer. SYSADMIN owns them all. In a managed access schema only its owner decides
-- who may read what is in it, not the role that makes the tables. Schema reporting is not managed: there dbt,
-- which makes the tables, may grant as well (its `grants` configuration).
use role sysadmin;

create database if not exists ${database} comment = 'Movie ratings: raw tables and what dbt builds of them';
-- No collation, whatever the account has: text is compared by its bytes, as DuckDB does.
alter database ${database} set default_ddl_collation = '';

create schema if not exists ${database}.raw with managed access;
create schema if not exists ${database}.staging with managed access;
create schema if not exists ${database}.dim with managed access;
create schema if not exists ${database}.fact with managed access;
create schema if not exists ${database}.mart with managed access;
create schema if not exists ${database}.snapshots with managed access;
create schema if not exists ${database}.seeds with managed access;
create schema if not exists ${database}.reporting;
