-- The roles. All are granted up to SYSADMIN, so that an administrator can do whatever they can.
use role useradmin;

create role if not exists ${loader_role} comment = 'Writes the raw tables of ${database} from the bucket';
create role if not exists ${transformer_role} comment = 'Builds everything below the raw tables of ${database}';
create role if not exists ${reporter_role} comment = 'Reads schema reporting of ${database}';
create role if not exists ${developer_role} comment = 'Everything in ${dev_database}, nothing in ${database}';
create role if not exists ${cloner_role} comment = 'Makes and drops the clones of ${database} for pull requests';
create role if not exists ${costs_role} comment = 'Owns the view of what queries cost; nobody signs in with it';

grant role ${loader_role} to role sysadmin;
grant role ${transformer_role} to role sysadmin;
grant role ${reporter_role} to role sysadmin;
grant role ${developer_role} to role sysadmin;
grant role ${cloner_role} to role sysadmin;
grant role ${costs_role} to role sysadmin;
