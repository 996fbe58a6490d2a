"""Made-up movie ratings in the format of a MovieLens release, at any size.

The same scale, seed and DuckDB version give the same bytes, however many threads there are: every random
choice is a hash of the seed and of what is chosen. The shape follows MovieLens: few busy users and many
quiet ones, few popular movies and a long tail, sittings of many ratings, half stars only from 2003 on, a
movie rated only after its release, and all that is awkward in the real files (commas and quotes in titles,
titles without a year or shared by two movies, missing TMDB numbers, movies that nobody rated).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from netflix_assets.catalog import RawFile, raw_file
from netflix_assets.errors import UserError

Progress = Callable[[str, int, int], None]
"""Told the name of a file, the rows of it that are done, and how many there will be."""

LARGEST_SCALE = 10.0

# The counts of ml-32m, which is scale 1.
_RATINGS = 32_000_204
_USERS = 200_948
_MOVIES = 87_585
_GENOME_MOVIES = 14_200
_GENOME_TAGS = 1_128

_FIRST_RATING = 789_652_800  # 1995-01-09
_LAST_RATING = 1_727_740_799  # 2024-09-30
_HALF_STARS_SINCE = 1_045_526_400  # 2003-02-18

_RATINGS_AT_A_TIME = 2_000_000
# A user's ratings spread over at least this many ranks of popularity each, so that none is rated by everybody.
_RANKS_PER_RATING = 3


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(";")]


_GENRES = _split(
    "Drama;Comedy;Thriller;Romance;Action;Documentary;Horror;Crime;Adventure;Sci-Fi;Animation;Children;"
    "Mystery;Fantasy;War;Western;Musical;Film-Noir;IMAX"
)
_ADJECTIVES = _split(
    "Quiet;Crimson;Hidden;Endless;Paper;Golden;Frozen;Wandering;Broken;Electric;Burning;Hollow;Distant;"
    "Velvet;Restless;Forgotten;Silver;Midnight;Crooked;Savage;Gentle;Invisible;Second;Final;Painted"
)
_NOUNS = _split(
    "Harbor;Orchard;Engine;Letter;Mountain;Stranger;Garden;Promise;Station;Violin;Island;Detective;Bridge;"
    "Summer;Machine;Daughter;Winter;Carnival;Ocean;Witness;Lantern;Border;Kitchen;Astronaut;Empire;Theater"
)
_ORIGINAL_TITLES = _split(
    "Été à Montréal;Señor Ratón;Über den Dächern;Ночной поезд;東京の夜;Żółty pociąg;Løven;Çay ve Şeker"
)
_PLAIN_TAGS = _split(
    "atmospheric;slow burn;twist ending;based on a book;visually appealing;great soundtrack;dark comedy;"
    "coming of age;time travel;female lead;ensemble cast;heist;black and white;cult classic;road movie;"
    "courtroom;dystopia;friendship;revenge;small town;surreal;tearjerker;true story;space;courage;"
    "thought-provoking;predictable;overrated;In Netflix queue;seen more than once"
)
_ODD_TAGS = _split('"so bad it is good";funny, then sad;the "other" ending;très beau;名作;don\'t bother;50% off')


def generate(folder: Path, *, scale: float, seed: int, progress: Progress | None = None) -> dict[str, int]:
    """Write the six files of a MovieLens release into a folder; files of the same names are replaced.

    Args:
        folder: Made if it is not there.
        scale: Share of ml-32m: 1 is 32,000,204 ratings of 200,948 users, 0.003 about 96,000 of 603.
        seed: Another seed, other data.
        progress: Called after each file, and for ratings after each part of it.

    Returns:
        Rows by file name, without headers.

    Raises:
        UserError: The scale is out of range, or the folder cannot be written.
    """
    if not 0 < scale <= LARGEST_SCALE:
        raise UserError(f"scale is {scale:g}; it must be above 0 and at most {LARGEST_SCALE:g}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".sample-data-") as parts:
            with duckdb.connect() as connection:
                writer = _Writer(connection, Path(parts), scale, seed, progress or (lambda *_: None))
                rows = writer.write()
            for name in rows:
                (Path(parts) / name).replace(folder / name)
    except (OSError, duckdb.IOException) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise UserError(
            f"cannot write sample data to {folder} ({reason}); choose a folder that can be written"
        ) from error
    return rows


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _list(words: Sequence[str]) -> str:
    return "[" + ", ".join(_literal(word) for word in words) + "]"


class _Writer:
    """One run of the generator: a DuckDB in memory, and a folder for files that are not whole yet."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, parts: Path, scale: float, seed: int, progress: Progress
    ) -> None:
        self._run = connection.execute
        self._parts = parts
        self._progress = progress
        self._users = max(10, round(_USERS * scale))
        self._ratings = max(160 * 10, round(_RATINGS * scale))
        # A tenth of the ratings is not about a tenth of the movies: small releases keep more of them.
        self._movies = max(5_000, round(_MOVIES * scale**0.38))
        self._genome_movies = min(self._movies, max(20, round(_GENOME_MOVIES * scale)))
        mask = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "big") >> 2
        self._run(f"set temp_directory = {_literal(str(parts))}")
        self._run("set memory_limit = '2GB'")
        self._run("set preserve_insertion_order = true")
        # `of` is a number of the thing that the choice is about, `choice` tells choices apart (below 64).
        self._run(f"create macro bits(of, choice) as hash(xor((of)::bigint * 64 + choice, {mask}::bigint))")
        self._run("create macro unit(of, choice) as (bits(of, choice) >> 11)::double / 9007199254740992")
        self._run("create macro one_of(words, chance) as words[1 + floor(len(words) * (chance))::integer]")
        # Sum of four 16-bit slices: close to normal, mean 0, standard deviation 1.
        self._run(
            "create macro normal(b) as sqrt(3.0) * ((((b) & 65535) + (((b) >> 16) & 65535) + (((b) >> 32) & 65535) "
            "+ ((b) >> 48))::double / 65536 - 2)"
        )

    def write(self) -> dict[str, int]:
        """Write every file under its own name into the folder of parts."""
        self._choose_movies()
        self._choose_users()
        rows = {
            "movies.csv": self._copy_whole(
                raw_file("movies"), "select movieId, title, genres from movies order by rank_id"
            ),
            "links.csv": self._copy_whole(
                raw_file("links"),
                """
                select movieId, lpad((10001 + 37 * rank_id + bits(rank_id, 20) % 37)::varchar, 7, '0') as imdbId,
                    case when unit(rank_id, 21) >= 0.003 then 2 + 11 * rank_id + bits(rank_id, 22) % 11 end as tmdbId
                from movies order by rank_id
                """,
            ),
        }
        tags = _list(_PLAIN_TAGS)
        self._run(
            f"""
            create table genome as
            select i + 1 as tagId,
                case when i < {len(_PLAIN_TAGS)} then {tags}[1 + i]
                    else lower({_list(_ADJECTIVES)}[1 + i % {len(_ADJECTIVES)}] || ' '
                        || {_list(_NOUNS)}[1 + (i // {len(_ADJECTIVES)}) % {len(_NOUNS)}])
                        || case when i >= {len(_PLAIN_TAGS) + len(_ADJECTIVES) * len(_NOUNS)} then ' ' || i else '' end
                end as tag
            from range({_GENOME_TAGS}) as t(i)
            """
        )
        rows["genome-tags.csv"] = self._copy_whole(
            raw_file("genome_tags"), "select tagId, tag from genome order by tagId"
        )
        rows["genome-scores.csv"] = self._copy_whole(
            raw_file("genome_scores"),
            f"""
            select movieId, tagId,
                round(0.005 + 0.99 * pow(unit(movieId::bigint * 2048 + tagId, 23), 4.5), 5) as relevance
            from (select movieId, rank_id from movies where popularity < {self._genome_movies})
                cross join (select tagId from genome)
            order by movieId, tagId
            """,
        )
        rows["ratings.csv"], rows["tags.csv"] = self._write_ratings_and_tags()
        return {name: rows[name] for name in sorted(rows)}

    def _choose_movies(self) -> None:
        adjectives, nouns = _list(_ADJECTIVES), _list(_NOUNS)
        # Every 400th movie takes the title of the one before it: a remake of the same year.
        self._run(
            f"""
            create table movies as
            with chosen as (
                select i as rank_id, case when i % 400 = 399 then i - 1 else i end as titled,
                    (3 * i + 1 + bits(i, 1) % 3)::integer as movieId,
                    row_number() over (order by bits(i, 2), i) - 1 as popularity
                from range({self._movies}) as t(i)
            ),
            named as (
                select *, (1915 + floor(109 * pow(unit(titled, 3), 0.4)))::integer as year, unit(titled, 4) as style,
                    one_of({adjectives}, unit(titled, 5)) as adjective, one_of({nouns}, unit(titled, 6)) as noun,
                    one_of({nouns}, unit(titled, 7)) as other
                from chosen
            )
            select rank_id, movieId, popularity,
                case
                    when style < 0.15 then adjective || ' ' || noun || ', The'
                    when style < 0.19 then adjective || ', ' || one_of({adjectives}, unit(titled, 8)) || ' and ' || noun
                    when style < 0.22 then '"' || noun || '" of the ' || other
                    when style < 0.25 then one_of({_list(_ORIGINAL_TITLES)}, unit(titled, 9))
                        || ' (' || adjective || ' ' || noun || ')'
                    when style < 0.27 then 'Café ' || noun
                    when style < 0.37 then noun || ' ' || (2 + bits(titled, 10) % 5)::varchar
                    when style < 0.60 then adjective || ' ' || noun
                    else noun || ' of the ' || adjective || ' ' || other
                end
                || case when unit(titled, 11) < 0.993 then ' (' || year || ')' else '' end as title,
                case when unit(rank_id, 12) < 0.06 then '(no genres listed)'
                    else array_to_string(list_sort(list_distinct([
                    one_of({_list(_GENRES)}, pow(unit(rank_id, 13 + g), 1.8))
                    for g in range(1 + floor(3.5 * pow(unit(rank_id, 12), 2))::integer)
                ])), '|') end as genres,
                epoch(make_date(year, 1, 1))::bigint + (bits(titled, 18) % 20000000)::bigint as released,
                3.22 + 0.45 * normal(bits(rank_id, 19)) + 0.5 * pow(1 - popularity / {self._movies}, 6) as quality
            from named
            """
        )

    def _choose_users(self) -> None:
        span = _LAST_RATING - _FIRST_RATING
        self._run(
            f"""
            create table users as
            with weighed as (
                select i + 1 as userId, least(exp(1.25 * normal(bits(i, 40))), 20) as weight,
                    case when i = 0 then {_FIRST_RATING}
                        else {_FIRST_RATING} + floor({span} * pow(unit(i, 41), 0.85))::bigint end as joined,
                    1 + floor(6 * pow(unit(i, 42), 3))::integer as sittings,
                    0.4 * normal(bits(i, 43)) as kindness, unit(i, 44) < 0.25 as tags
                from range({self._users}) as t(i)
            ),
            shared as (
                select *, 20 + floor(weight * {self._ratings - 20 * self._users}
                    / (select round(sum(weight::decimal(18, 9)), 6) from weighed)::double)::bigint as share
                from weighed
            )
            select userId, joined, sittings, kindness, tags,
                share + case when userId <= {self._ratings} - (select sum(share) from shared) then 1 else 0 end as n
            from shared
            """
        )
        self._run(
            f"""
            create table parts as
            select floor((ends - 1) / {_RATINGS_AT_A_TIME})::integer as part, min(userId) as first, max(userId) as last,
                sum(n)::bigint as n
            from (select userId, n, sum(n) over (order by userId rows unbounded preceding) as ends from users)
            group by part
            """
        )

    def _write_ratings_and_tags(self) -> tuple[int, int]:
        """Both are written part by part, users in order, so that memory does not grow with the scale."""
        ratings, tags = raw_file("ratings"), raw_file("tags")
        rated = tagged = 0
        parts = self._run("select first, last from parts order by part").fetchall()
        for number, (first, last) in enumerate(parts):
            self._run("drop table if exists part")
            self._run(f"create temp table part as {self._ratings_of(first, last)}")
            rated += self._append(ratings, "select userId, movieId, stars, time from part", header=number == 0)
            tagged += self._append(tags, self._tags_query(), header=number == 0)
            self._progress("ratings.csv", rated, self._ratings)
        self._progress("tags.csv", tagged, tagged)
        return rated, tagged

    def _ratings_of(self, first: int, last: int) -> str:
        # The last fiftieth of the movies, by popularity, is never rated.
        reach = self._movies - self._movies // 50
        # Ranks grow with k by at least one, so that no user rates a movie twice.
        return f"""
            with drawn as (
                select userId, joined, sittings, kindness, tags, n, k, userId * 65536 + k as this,
                    bits(userId * 65536 + k, 50) as b
                from (select *, unnest(range(n)) as k from users where userId between {first} and {last})
            ),
            ranked as (
                select *, (k + (b & 1048575)::double / 1048576) / n as x, ((b >> 20) & 1048575)::double / 1048576 as y,
                    ((b >> 40) & 1048575)::double / 1048576 as z
                from drawn
            ),
            placed as (
                select *, {_RANKS_PER_RATING} * k + floor({_RANKS_PER_RATING} * pow(y, 1.6))::bigint
                    + floor(({reach} - {_RANKS_PER_RATING} * n)
                        * (0.15 * pow(x, 4) + 0.25 * pow(x, 16) + 0.6 * pow(x, 120)))::bigint as popularity,
                    joined + floor(z * sittings)::bigint * 5961600 + 9 * k as wished
                from ranked
            ),
            timed as (
                select placed.*, movieId, quality,
                    -- Who joined before the movie came out comes back for it.
                    case when wished between released and {_LAST_RATING} then wished
                        else greatest(released, joined)
                            + floor(({_LAST_RATING} - greatest(released, joined)) * pow(z, 2))::bigint end as time
                from placed join movies using (popularity)
            ),
            felt as (
                select *, quality + kindness + 0.95 * normal(bits(this, 51)) as opinion from timed
            )
            select userId::integer as userId, movieId, tags, this, time, (case
                when time < {_HALF_STARS_SINCE} or z < 0.45 then greatest(1, least(5, round(opinion)))
                else greatest(0.5, least(5, round(2 * opinion) / 2)) end)::decimal(2, 1) as stars
            from felt order by userId, movieId
        """

    def _tags_query(self) -> str:
        # The words of one rating are neighbours in the list, so that no tag is given twice.
        words = [*_PLAIN_TAGS, *_ODD_TAGS, *(f"{a} {n}".lower() for n in _NOUNS[:8] for a in _ADJECTIVES)]
        return f"""
            select userId, movieId, {_list(words)}[1 + (start + w) % {len(words)}] as tag,
                least(time + 20 + 15 * w, {_LAST_RATING + 600}) as timestamp
            from (
                select userId, movieId, time, floor({len(words)} * pow(unit(this, 52), 3))::bigint as start,
                    unnest(range(1 + floor(3 * pow(unit(this, 53), 3))::bigint)) as w
                from part where tags and unit(this, 54) < 0.165
            )
            order by userId, movieId, timestamp, tag
        """

    def _copy_whole(self, file: RawFile, query: str) -> int:
        rows = self._append(file, query, header=True)
        self._progress(self._name(file), rows, rows)
        return rows

    @staticmethod
    def _name(file: RawFile) -> str:
        return f"{file.name.replace('_', '-')}.csv"

    def _append(self, file: RawFile, query: str, *, header: bool) -> int:
        """Write a query's rows to the end of a file."""
        part = self._parts / "part.csv"
        columns = ", ".join(f'"{name}"' for name in file.header)
        copied = self._run(
            f"copy (select * from ({query}) as q({columns})) to {_literal(str(part))} "
            f"(format csv, header {header}, delimiter ',', nullstr '')"
        ).fetchone()
        whole = self._parts / self._name(file)
        if header:
            part.replace(whole)
        else:
            with part.open("rb") as source, whole.open("ab") as target:
                shutil.copyfileobj(source, target, 1 << 20)
        return int(copied[0]) if copied else 0
