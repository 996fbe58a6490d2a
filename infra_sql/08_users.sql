-- The users that programs sign in with. TYPE = SERVICE has no password and cannot get one: a key pair is the only
-- way in, and its public half is set apart from these scripts (`netflix-assets infra keys`).
use role useradmin;

create user if not exists ${loader_user} type = service comment = 'Loads the raw tables of ${database}';
create user if not exists ${transformer_user} type = service comment = 'Runs dbt in ${database}';
create user if not exists ${reporter_user} type = service comment = 'Reads schema reporting of ${database}';

alter user ${loader_user} set
    default_role = ${loader_role} default_warehouse = ${loader_warehouse} default_secondary_roles = ();
alter user ${transformer_user} set
    default_role = ${transformer_role} default_warehouse = ${transformer_warehouse} default_secondary_roles = ();
alter user ${reporter_user} set
    default_role = ${reporter_role} default_warehouse = ${reporter_warehouse} default_secondary_roles = ();

-- What an account or a user may have set otherwise, and what a statement means by it: of every session of theirs.
alter user ${loader_user} set ${session_parameters};
alter user ${transformer_user} set ${session_parameters};
alter user ${reporter_user} set ${session_parameters};

grant role ${loader_role} to user ${loader_user};
grant role ${transformer_role} to user ${transformer_user};
grant role ${cloner_role} to user ${transformer_user};
grant role ${reporter_role} to user ${reporter_user};

-- The reporter's key is held by other people's services (Looker Studio): it is good from their addresses only.
use role securityadmin;

create network policy if not exists ${network_policy} allowed_ip_list = (${reporter_networks});
alter network policy ${network_policy} set allowed_ip_list = (${reporter_networks});
alter user ${reporter_user} set network_policy = ${network_policy};
