"""The same tables and tests written by hand for DuckDB, without S3, Dagster or dbt: what we are measured against.

    python benchmarks/baseline.py FOLDER DATABASE

Reads a folder of MovieLens CSVs, makes every raw table, dimension, fact and mart that the pipeline makes,
and asks the questions that its costly tests ask.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

RAW = {
    "movies": "{'movieId': 'INTEGER', 'title': 'VARCHAR', 'genres': 'VARCHAR'}",
    "ratings": "{'userId': 'INTEGER', 'movieId': 'INTEGER', 'rating': 'DECIMAL(2,1)', 'timestamp': 'BIGINT'}",
    "tags": "{'userId': 'INTEGER', 'movieId': 'INTEGER', 'tag': 'VARCHAR', 'timestamp': 'BIGINT'}",
    "links": "{'movieId': 'INTEGER', 'imdbId': 'VARCHAR', 'tmdbId': 'INTEGER'}",
    "genome-scores": "{'movieId': 'INTEGER', 'tagId': 'INTEGER', 'relevance': 'DOUBLE'}",
    "genome-tags": "{'tagId': 'INTEGER', 'tag': 'VARCHAR'}",
}

MODELS = r"""
create table dim_movies as
    select movieId as movie_id, trim(title) as title,
        try_cast(regexp_extract(trim(title), '\((\d{4})\)$', 1) as integer) as release_year,
        genres, imdbId as imdb_id, tmdbId as tmdb_id
    from raw_movies left join raw_links using (movieId);
create table bridge_movie_genre as select movie_id, unnest(string_split(genres, '|')) as genre from dim_movies;
create table dim_users as select userId as user_id from raw_ratings union select userId from raw_tags;
create table dim_genome_tags as select tagId as tag_id, trim(tag) as tag_name from raw_genome_tags;
create table fact_ratings as
    select userId as user_id, movieId as movie_id, rating, make_timestamp("timestamp" * 1000000) as rated_at,
        date_trunc('month', make_timestamp("timestamp" * 1000000))::date as rating_month
    from raw_ratings;
create table fact_genome_scores as
    select movieId as movie_id, tagId as tag_id, relevance from raw_genome_scores;
create table fact_movie_rating_counts as
    select movie_id, rating, count(*) as rating_count from fact_ratings group by all;
create table fact_user_rating_days as
    select user_id, rated_at::date as day, count(*) as rating_count, sum(rating) as rating_sum,
        min(rated_at) as first_at, max(rated_at) as last_at
    from fact_ratings group by all;
create table movie_scores as
    with by_movie as (
        select movie_id, sum(rating_count) as n, sum(rating * rating_count) as total
        from fact_movie_rating_counts group by all
    ), overall as (select sum(total) / sum(n) as mean from by_movie)
    select movie_id, title, n, total, total / n as average_rating, (20 * mean + total) / (20 + n) as weighted_score
    from by_movie join dim_movies using (movie_id), overall;
create table movie_analysis as select * from movie_scores where n >= 100;
create table genre_rating_distribution as
    select genre, rating, sum(rating_count) as n
    from fact_movie_rating_counts join bridge_movie_genre using (movie_id) group by all;
create table genre_rating_histogram as
    select g.genre, s.rating, coalesce(n, 0) as n
    from (select distinct genre from bridge_movie_genre) g
    cross join (select unnest(range(1, 11)) / 2 as rating) s
    left join genre_rating_distribution d on d.genre = g.genre and d.rating = s.rating;
create table user_engagement_summary as
    select user_id, sum(rating_count) as n, sum(rating_sum) as total, min(first_at) as first_at,
        max(last_at) as last_at, count(*) as active_days
    from fact_user_rating_days group by all;
create table ratings_by_month as
    select date_trunc('month', day) as rating_month, sum(rating_count) as n, count(distinct user_id) as users,
        sum(rating_sum) as total
    from fact_user_rating_days group by all;
create table tag_relevance_analysis as
    select tag_name, avg(relevance) as average_relevance, count(*) as movies, max(relevance) as highest
    from fact_genome_scores join dim_genome_tags using (tag_id) group by all;
create table movie_release_trends as
    select release_year, count(*) as movies, sum(n) as n, sum(total) as total
    from dim_movies left join movie_scores using (movie_id) where release_year is not null group by all;
create table mart_movie_releases as
    select movie_id, m.title, release_year, coalesce(n, 0) as n
    from dim_movies m left join movie_scores using (movie_id);
create table snap_movies as select movie_id, title, genres, now() as valid_from from dim_movies;
create table snap_tags as
    select userId, movieId, tag, max("timestamp") as "timestamp", now() as valid_from from raw_tags group by all;
"""

TESTS = (
    "select count(*) from fact_ratings where user_id is null or movie_id is null or rating is null "
    "or rated_at is null or rating not between 0.5 and 5",
    "select count(*) from fact_ratings f where not exists (select 1 from dim_movies d where d.movie_id = f.movie_id) "
    "or not exists (select 1 from dim_users u where u.user_id = f.user_id)",
    "select count(*) from fact_genome_scores f "
    "where not exists (select 1 from dim_movies d where d.movie_id = f.movie_id) or relevance not between 0 and 1",
    'select count(*) from (select "timestamp" // 2678400 as part, "userId", "movieId", "timestamp" from raw_ratings '
    "group by all having count(*) > 1)",
    "select count(*) from ((select sum(hash(userId, movieId, rating)::hugeint) as h from raw_ratings) a "
    "join (select sum(hash(user_id, movie_id, rating)::hugeint) as h from fact_ratings) b on a.h <> b.h)",
    "select count(*) from (select movie_id, tag_id from fact_genome_scores group by all having count(*) > 1)",
)


def main(folder: Path, database: Path) -> None:
    """Make everything, then ask every question; each answer must be 0."""
    with duckdb.connect(str(database), config={"memory_limit": "1500MB"}) as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        for name, columns in RAW.items():
            connection.execute(
                f"create table raw_{name.replace('-', '_')} as select * from read_csv('{folder / name}.csv', "
                f"header = true, auto_detect = false, delim = ',', quote = '\"', escape = '\"', columns = {columns})"
            )
        connection.execute(MODELS)
        for question in TESTS:
            answer = connection.execute(question).fetchall()[0][0]
            if answer:
                raise SystemExit(f"{answer} rows break: {question}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
