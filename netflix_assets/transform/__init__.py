"""Raw tables -> marts: the dbt project as Dagster assets and checks."""
