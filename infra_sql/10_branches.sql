-- Zero-copy clones of the database for pull requests. The cloner owns the clones, and so can drop these and
-- nothing else; it reads no table.
use role securityadmin;

grant create database on account to role ${cloner_role};
grant usage on database ${database} to role ${cloner_role};
