-- The tables that the CSVs are loaded into, as in netflix_assets/catalog.py, and the books of the loads.
use role sysadmin;

create table if not exists ${database}.raw.raw_movies (
    "movieId" integer, "title" varchar, "genres" varchar, _load_id integer
);
create table if not exists ${database}.raw.raw_ratings (
    "userId" integer, "movieId" integer, "rating" decimal(2, 1), "timestamp" bigint, _load_id integer
);
create table if not exists ${database}.raw.raw_tags (
    "userId" integer, "movieId" integer, "tag" varchar, "timestamp" bigint, _load_id integer
);
create table if not exists ${database}.raw.raw_links (
    "movieId" integer, "imdbId" varchar, "tmdbId" integer, _load_id integer
);
create table if not exists ${database}.raw.raw_genome_scores (
    "movieId" integer, "tagId" integer, "relevance" double, _load_id integer
);
create table if not exists ${database}.raw.raw_genome_tags (
    "tagId" integer, "tag" varchar, _load_id integer
);
create table if not exists ${database}.raw.load_history (
    load_id integer, table_name varchar, month varchar, object_key varchar, etag varchar, size_bytes bigint,
    rows_loaded bigint, rows_rejected bigint, first_error varchar, run_id varchar, loaded_at timestamp_ntz
);
create table if not exists ${database}.raw.rejected_rows (
    load_id integer, table_name varchar, month varchar, object_key varchar, line_number bigint,
    column_name varchar, reason varchar, raw_text varchar
);
