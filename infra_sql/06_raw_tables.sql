-- The tables that the CSVs are loaded into and the books of the loads, made from netflix_assets/catalog.py, so that a
-- new raw file needs no change here: `netflix-assets infra render` shows them.
use role sysadmin;

${raw_tables}
