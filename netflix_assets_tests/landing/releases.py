"""Small releases in the spelling of each dialect, and what they say, written out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Rows = Mapping[str, list[tuple[str, ...]]]


@dataclass(frozen=True)
class SmallRelease:
    """Files of a release, its rows by raw file, and what of it is named as not kept."""

    files: Mapping[str, bytes]
    rows: Rows
    dialect: str | None
    not_kept: tuple[str, ...] = ()


_FLAGS = {
    "drama": "0|0|0|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0",
    "two": "0|1|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0",
    "unknown": "1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0",
    "none": "0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0",
}

_GENRES = [
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
]

ML_100K = SmallRelease(
    {
        "ml-100k/u.data": b"196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n",
        "ml-100k/u.item": "\n".join(
            [
                f"242|Misérables, Les (1995)|01-Jan-1995||http://us.imdb.com/M/title-exact?x|{_FLAGS['drama']}",
                f"302|L.A. Confidential (1997)|01-Jan-1997||http://us.imdb.com/|{_FLAGS['two']}",
                f"267|unknown||||{_FLAGS['unknown']}",
                f'377|A "b", c|d (1999)|01-Jan-1999|||{_FLAGS["none"]}',
                "",
            ]
        ).encode("latin-1"),
        "ml-100k/u.genre": "".join(f"{name}|{number}\n" for number, name in enumerate(_GENRES)).encode() + b"\n",
        "ml-100k/u.user": b"1|24|M|technician|85711\n",
        "ml-100k/u1.base": b"196\t242\t3\t881250949\n",
        "ml-100k/u.info": b"943 users\n1682 items\n100000 ratings\n",
        "ml-100k/README": b"SUMMARY\n",
    },
    {
        "ratings": [
            ("196", "242", "3", "881250949"),
            ("186", "302", "3", "891717742"),
            ("22", "377", "1", "878887116"),
        ],
        "movies": [
            ("242", "Misérables, Les (1995)", "Drama"),
            ("302", "L.A. Confidential (1997)", "Action|Comedy"),
            ("267", "unknown", "unknown"),
            ("377", 'A "b", c|d (1999)', "(no genres listed)"),
        ],
    },
    "MovieLens 100K",
    ("ml-100k/u.user", "ml-100k/u1.base", "ml-100k/u.info", "ml-100k/README", "ml-100k/u.genre"),
)

ML_1M = SmallRelease(
    {
        "ml-1m/ratings.dat": b"1::1193::5::978300760\n1::661::3::978302109\r\n2::5::5::978298413\n",
        "ml-1m/movies.dat": (
            "1193::One Flew Over the Cuckoo's Nest (1975)::Drama\n"
            "661::City of Lost Children, The (Cité) (1995)::Adventure|Sci-Fi\n"
            '5::Star Wars: "A" :: B (1999)::Comedy\n'
        ).encode("latin-1"),
        "ml-1m/users.dat": b"1::F::1::10::48067\n",
        "ml-1m/README": b"SUMMARY\n",
    },
    {
        "ratings": [("1", "1193", "5", "978300760"), ("1", "661", "3", "978302109"), ("2", "5", "5", "978298413")],
        "movies": [
            ("1193", "One Flew Over the Cuckoo's Nest (1975)", "Drama"),
            ("661", "City of Lost Children, The (Cité) (1995)", "Adventure|Sci-Fi"),
            ("5", 'Star Wars: "A" :: B (1999)', "Comedy"),
        ],
    },
    "MovieLens 1M or 10M",
    ("ml-1m/users.dat", "ml-1m/README"),
)

ML_10M = SmallRelease(
    {
        "ml-10M100K/ratings.dat": b"1::122::5::838985046\n2::110::3.5::868245777\n",
        "ml-10M100K/movies.dat": "122::Boomerang (1992)::Comedy|Romance\n110::Été, L' (1995)::Action\n".encode(),
        "ml-10M100K/tags.dat": b'15::122::excellent!, "so" :: so::1215184630\n',
        "ml-10M100K/split_ratings.sh": b"#!/bin/sh\n",
        "ml-10M100K/README.html": b"<html>",
    },
    {
        "ratings": [("1", "122", "5", "838985046"), ("2", "110", "3.5", "868245777")],
        "movies": [("122", "Boomerang (1992)", "Comedy|Romance"), ("110", "Été, L' (1995)", "Action")],
        "tags": [("15", "122", 'excellent!, "so" :: so', "1215184630")],
    },
    "MovieLens 1M or 10M",
    ("ml-10M100K/split_ratings.sh", "ml-10M100K/README.html"),
)

KAGGLE = SmallRelease(
    {
        "rating.csv": b'"userId","movieId","rating","timestamp"\n1,2,3.5,"2005-04-02 23:53:47"\n'
        b'1,29,3.5,2005-04-30 23:59:59\n2,29,4,"2005-05-01 00:00:00"\n',
        "movie.csv": b'"movieId","title","genres"\n2,"Jumanji (1995)","Adventure|Children"\n'
        b'29,"City of \\"Lost\\" Children, The (1995)","Sci-Fi"\n',
        "link.csv": b'"movieId","imdbId","tmdbId"\n2,"0113497","8844"\n29,"0112682",""\n',
        "tag.csv": b'"userId","movieId","tag","timestamp"\n18,29,"a \\"b\\", c\\d","2009-04-24 18:19:40"\n',
        "genome_scores.csv": b'"movieId","tagId","relevance"\n2,1,0.025\n',
        "genome_tags.csv": b'"tagId","tag"\n1,"007"\n',
    },
    {
        "ratings": [("1", "2", "3.5", "1112486027"), ("1", "29", "3.5", "1114905599"), ("2", "29", "4", "1114905600")],
        "movies": [
            ("2", "Jumanji (1995)", "Adventure|Children"),
            ("29", 'City of "Lost" Children, The (1995)', "Sci-Fi"),
        ],
        "links": [("2", "0113497", "8844"), ("29", "0112682", "")],
        "tags": [("18", "29", 'a "b", c\\d', "1240597180")],
        "genome_scores": [("2", "1", "0.025")],
        "genome_tags": [("1", "007")],
    },
    "Kaggle's copy of MovieLens 20M",
)

_PRIZE_RATINGS = {
    "1": b"1:\n1488844,3,2005-09-06\n822109,5,2005-05-13\n",
    "2": b"2:\n1488844,1,1999-12-31\n",
    "10": b"10:\n7,4,2005-05-13\n",
}
_PRIZE_TITLES = "1,2003,Dinosaur Planet\n2,1999,Isle of Man, Été\n10,NULL,Screamers\n".encode("latin-1")
_PRIZE_ROWS: Rows = {
    "ratings": [
        ("1488844", "1", "3.0", "1125964800"),
        ("822109", "1", "5.0", "1115942400"),
        ("1488844", "2", "1.0", "946598400"),
        ("7", "10", "4.0", "1115942400"),
    ],
    "movies": [
        ("1", "Dinosaur Planet (2003)", "(no genres listed)"),
        ("2", "Isle of Man, Été (1999)", "(no genres listed)"),
        ("10", "Screamers", "(no genres listed)"),
    ],
}

NETFLIX_PRIZE = SmallRelease(
    {
        "combined_data_1.txt": _PRIZE_RATINGS["1"] + _PRIZE_RATINGS["2"],
        "combined_data_2.txt": _PRIZE_RATINGS["10"],
        "movie_titles.csv": _PRIZE_TITLES,
        "probe.txt": b"1:\n1488844\n822109\n",
        "qualifying.txt": b"1:\n1046323,2005-12-19\n1080030,2005-12-23\n",
        "README": b"SUMMARY\n",
    },
    _PRIZE_ROWS,
    "Netflix Prize",
    ("probe.txt", "qualifying.txt", "README"),
)

NETFLIX_PRIZE_BY_MOVIE = SmallRelease(
    {
        **{f"training_set/mv_{int(movie):07}.txt": text for movie, text in _PRIZE_RATINGS.items()},
        "movie_titles.txt": _PRIZE_TITLES.replace(b"\n", b"\r\n"),
        "rmse.pl": b"#!/usr/bin/perl\n",
    },
    _PRIZE_ROWS,
    "Netflix Prize",
    ("rmse.pl",),
)

ML_LATEST = SmallRelease(
    {
        "ml-latest/ratings.csv": b"userId,movieId,rating,timestamp\r\n1,307,3.5,1256677221\r\n1,481,3.5,1256677456\r\n",
        "ml-latest/movies.csv": b'movieId,title,genres\n307,"Three Colors: Blue, The (1993)",Drama\n',
        "ml-latest/tags.csv": b"userId,movieId,tag,timestamp\n14,307,epic,1443148538\n",
        "ml-latest/links.csv": b"movieId,imdbId,tmdbId\n307,0108394,108\n",
        "ml-latest/genome-scores.csv": b"movieId,tagId,relevance\n1,1,0.029\n",
        "ml-latest/genome-tags.csv": b"tagId,tag\n1,007\n",
        "ml-latest/README.txt": b"Summary\n",
    },
    {
        "ratings": [("1", "307", "3.5", "1256677221"), ("1", "481", "3.5", "1256677456")],
        "movies": [("307", "Three Colors: Blue, The (1993)", "Drama")],
        "tags": [("14", "307", "epic", "1443148538")],
        "links": [("307", "0108394", "108")],
        "genome_scores": [("1", "1", "0.029")],
        "genome_tags": [("1", "007")],
    },
    None,
    ("ml-latest/README.txt",),
)

RELEASES: Mapping[str, SmallRelease] = {
    "ml-100k": ML_100K,
    "ml-1m": ML_1M,
    "ml-10m": ML_10M,
    "ml-latest": ML_LATEST,
    "kaggle": KAGGLE,
    "netflix-prize": NETFLIX_PRIZE,
    "netflix-prize-by-movie": NETFLIX_PRIZE_BY_MOVIE,
}
