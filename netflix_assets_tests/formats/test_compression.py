"""Gzip is undone as gunzip does, in pieces that fit into memory."""

from __future__ import annotations

import gzip

import pytest

from netflix_assets.errors import LoadError
from netflix_assets.formats.compression import decompressed
from netflix_assets_tests.loading.harness import chunked


def test_gzip_of_zeros_is_unpacked_a_megabyte_at_a_time() -> None:
    packed = gzip.compress(bytes(50_000_000))
    pieces = list(decompressed("x.csv.gz", [packed]))
    assert sum(map(len, pieces)) == 50_000_000
    assert max(map(len, pieces)) == 1 << 20


def test_gzip_members_follow_each_other_at_any_chunk_border() -> None:
    packed = gzip.compress(b"abc") + gzip.compress(b"") + gzip.compress(b"def")
    for size in range(1, len(packed) + 1):
        assert b"".join(decompressed("x.csv.gz", chunked(packed, size))) == b"abcdef"


def test_gzip_cut_off_at_any_byte_is_an_error() -> None:
    packed = gzip.compress(b"abc" * 100)
    for length in range(1, len(packed)):
        with pytest.raises(LoadError, match="cut off before its end"):
            list(decompressed("x.csv.gz", [packed[:length]]))


def test_zeros_after_a_member_are_padding_at_any_chunk_border() -> None:
    packed = gzip.compress(b"abc") + bytes(5) + gzip.compress(b"def") + bytes(9)
    for size in range(1, len(packed) + 1):
        assert b"".join(decompressed("x.csv.gz", chunked(packed, size))) == b"abcdef"


@pytest.mark.parametrize("size", [2, 100])
def test_what_is_no_gzip_and_what_is_damaged_are_told_apart(size: int) -> None:
    with pytest.raises(LoadError, match="the content is not gzip"):
        list(decompressed("x.csv.gz", chunked(b"movieId,title", size)))
    damaged = bytearray(gzip.compress(b"abc" * 100))
    damaged[12] ^= 0xFF
    with pytest.raises(LoadError, match=r"damaged|cut off"):
        list(decompressed("x.csv.gz", chunked(bytes(damaged), size)))
