"""The bucket tells exactly what it holds, against a real S3 server."""

import datetime as dt
import hashlib
import io
from dataclasses import replace
from pathlib import Path

import pytest

from netflix_assets.catalog import RAW_FILES, raw_file
from netflix_assets.errors import BucketError
from netflix_assets.landing import local_s3
from netflix_assets.landing.bucket import LandingBucket, ObjectVersion
from netflix_assets.landing.data_version import data_version
from netflix_assets.settings import Settings


def put(bucket: LandingBucket, key: str, content: bytes = b"x") -> None:
    bucket.put(key, io.BytesIO(content))


def keys(bucket: LandingBucket) -> list[str]:
    return [version.key for version in bucket.versions()]


def state(bucket: LandingBucket) -> str:
    return data_version(bucket.versions())


def only(bucket: LandingBucket) -> ObjectVersion:
    (version,) = bucket.versions()
    return version


def test_an_empty_bucket_holds_nothing(bucket: LandingBucket) -> None:
    assert keys(bucket) == []
    contents = bucket.contents()
    assert (contents.files, contents.whole_exports, contents.unknown) == ({}, {}, ())


def test_an_object_is_listed_with_its_md5_size_and_time(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"hello")
    version = only(bucket)
    assert (version.key, version.size) == ("raw/movies.csv", 5)
    assert version.etag == hashlib.md5(b"hello").hexdigest()
    assert abs(version.last_modified - dt.datetime.now(dt.timezone.utc)) < dt.timedelta(minutes=1)


def test_objects_outside_the_prefix_are_not_listed(bucket: LandingBucket) -> None:
    for key in ("raw/movies.csv", "raw.csv", "other/movies.csv"):
        put(bucket, key)
    assert keys(bucket) == ["raw/movies.csv"]


def test_more_objects_than_one_page_are_all_listed(s3_server: Settings, bucket: LandingBucket) -> None:
    folder = s3_server.s3_root / bucket.name / "raw" / "ratings" / "month=2001-01"
    folder.mkdir(parents=True)
    for number in range(1_001):
        (folder / f"{number:04}.csv").write_bytes(b"")
    listed = keys(bucket)
    assert len(set(listed)) == len(listed) == 1_001
    assert listed == sorted(listed)
    assert len(bucket.contents().of(raw_file("ratings"), "2001-01")) == 1_001


def test_overwriting_with_other_bytes_changes_the_digest(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"one")
    before = state(bucket)
    put(bucket, "raw/movies.csv", b"two")
    assert state(bucket) != before


def test_overwriting_with_the_same_bytes_does_not_change_the_digest(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"one")
    before = state(bucket)
    put(bucket, "raw/movies.csv", b"one")
    assert state(bucket) == before


def test_adding_and_deleting_change_the_digest_and_change_it_back(bucket: LandingBucket) -> None:
    put(bucket, "raw/ratings/month=2001-01/a.csv")
    before = state(bucket)
    put(bucket, "raw/ratings/month=2001-01/b.csv")
    assert state(bucket) != before
    bucket.delete("raw/ratings/month=2001-01/b.csv")
    assert state(bucket) == before


def test_moving_the_same_bytes_to_another_key_changes_the_digest(bucket: LandingBucket) -> None:
    put(bucket, "raw/ratings/month=2001-01/a.csv")
    before = state(bucket)
    put(bucket, "raw/ratings/month=2001-01/b.csv")
    bucket.delete("raw/ratings/month=2001-01/a.csv")
    assert state(bucket) != before


def test_deleting_what_is_not_there_is_no_error(bucket: LandingBucket) -> None:
    bucket.delete("raw/movies.csv")
    assert keys(bucket) == []


def test_the_listing_is_sorted_into_the_catalogue(bucket: LandingBucket) -> None:
    for key in (
        "raw/movies.csv",
        "raw/ratings.csv",
        "raw/ratings/month=2001-02/b.csv.gz",
        "raw/ratings/month=2001-02/a.csv",
        "raw/ratings/month=2001-01/a.csv",
        "raw/notes.txt",
    ):
        put(bucket, key)
    contents = bucket.contents()
    ratings = raw_file("ratings")
    assert [version.key for version in contents.of(raw_file("movies"))] == ["raw/movies.csv"]
    assert contents.months(ratings) == ["2001-01", "2001-02"]
    assert [version.key[-8:] for version in contents.of(ratings, "2001-02")] == ["02/a.csv", "b.csv.gz"]
    assert [version.key for version in contents.whole_exports["ratings"]] == ["raw/ratings.csv"]
    assert [version.key for version in contents.unknown] == ["raw/notes.txt"]
    assert contents.of(raw_file("tags")) == ()


def test_the_contents_of_one_file_are_those_of_all_and_other_files_are_not_listed(bucket: LandingBucket) -> None:
    keys = (
        "movies.csv",
        "genome-scores.csv",
        "genome_tags.csv",
        "ratings.csv.gz",
        "ratings/month=2015-03/1.csv",
        "odd",
    )
    for key in keys:
        bucket.put(f"raw/{key}", io.BytesIO(b"x"))
    whole = bucket.contents()
    asked: list[str] = []
    events = bucket._client.meta.events
    events.register("before-parameter-build.s3", lambda params, **_: asked.append(params["Prefix"]), "asked")
    for file in RAW_FILES:
        contents = bucket.contents(file)
        assert contents.files.get(file.name) == whole.files.get(file.name)
        assert contents.whole_exports.get(file.name) == whole.whole_exports.get(file.name)
    events.unregister("before-parameter-build.s3", unique_id="asked")
    assert sorted(asked) == sorted(f"raw/{file.name.partition('_')[0]}" for file in RAW_FILES)


@pytest.mark.parametrize(
    "name",
    [
        "with space.csv",
        "it's.csv",
        'a "quoted" one.csv',
        "%41+b&c=d;e?f#g.csv",
        "émile 電影.csv",
        "back\\slash.csv",
        "'; --.csv",
    ],
)
def test_any_key_comes_back_as_it_was_put(bucket: LandingBucket, name: str) -> None:
    key = f"raw/ratings/month=2001-01/{name}"
    put(bucket, key, b"content")
    version = only(bucket)
    assert version.key == key
    assert b"".join(bucket.download(version)) == b"content"
    bucket.delete(key)
    assert keys(bucket) == []


@pytest.mark.parametrize("key", ["raw/../../escaped.csv", "../escaped.csv"])
def test_a_key_does_not_lead_out_of_the_bucket(s3_server: Settings, bucket: LandingBucket, key: str) -> None:
    with pytest.raises(BucketError, match="when asked to write"):
        put(bucket, key)
    for outside in (s3_server.s3_root, s3_server.home, s3_server.home.parent):
        assert not list(outside.glob("*escaped*"))
    assert keys(bucket) == []


def test_a_download_gives_every_byte_of_a_large_object(bucket: LandingBucket) -> None:
    content = bytes(range(256)) * 20_000
    put(bucket, "raw/movies.csv", content)
    assert b"".join(bucket.download(only(bucket))) == content


def test_an_empty_object_can_be_put_and_read(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"")
    assert list(bucket.download(only(bucket))) == []


def test_compressed_bytes_arrive_as_they_are(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv.gz", b"\x1f\x8b rest")
    assert b"".join(bucket.download(only(bucket))) == b"\x1f\x8b rest"


def test_an_object_that_was_replaced_after_the_listing_is_refused(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"one")
    seen = only(bucket)
    put(bucket, "raw/movies.csv", b"two")
    with pytest.raises(BucketError, match=r"raw/movies\.csv was replaced after it was observed .*; observe the bucket"):
        list(bucket.download(seen))


def test_an_object_that_is_gone_after_the_listing_is_refused(bucket: LandingBucket) -> None:
    put(bucket, "raw/movies.csv", b"one")
    seen = only(bucket)
    bucket.delete("raw/movies.csv")
    with pytest.raises(BucketError, match=r"could not read raw/movies\.csv: the object is gone"):
        list(bucket.download(seen))


@pytest.mark.parametrize("keys_", [{"s3_secret_key": "wrong"}, {"s3_access_key": "stranger"}])
def test_wrong_keys_are_named_as_the_reason(s3: Settings, keys_: dict[str, str]) -> None:
    stranger = LandingBucket(replace(s3, **keys_))  # type: ignore[arg-type]
    with pytest.raises(BucketError, match=f"{s3.s3_endpoint} refused the access key .*; set NETFLIX_S3_ACCESS_KEY"):
        list(stranger.versions())
    with pytest.raises(BucketError, match="refused the access key"):
        put(stranger, "raw/movies.csv")


def test_a_missing_bucket_is_named(s3: Settings) -> None:
    with pytest.raises(BucketError, match="there is no bucket 'missing-bucket' at"):
        list(LandingBucket(replace(s3, bucket="missing-bucket")).versions())


def test_a_server_that_is_down_is_named_with_what_to_do(settings: Settings) -> None:
    bucket = LandingBucket(settings)
    for use in (lambda: keys(bucket), lambda: put(bucket, "raw/movies.csv"), bucket.ensure_exists):
        with pytest.raises(
            BucketError, match=rf"S3 at {settings.s3_endpoint} cannot be reached .*netflix-assets s3 serve"
        ):
            use()


def test_a_server_that_goes_down_is_noticed(settings: Settings) -> None:
    with local_s3.running(settings) as here:
        bucket = LandingBucket(here)
        put(bucket, "raw/movies.csv")
        seen = only(bucket)
    with pytest.raises(BucketError, match=r"cannot be reached to read raw/movies\.csv"):
        list(bucket.download(seen))


def test_the_bucket_is_created_once(s3: Settings) -> None:
    bucket = LandingBucket(replace(s3, bucket=f"{s3.bucket}-new"))
    bucket.ensure_exists()
    put(bucket, "raw/movies.csv")
    bucket.ensure_exists()
    assert keys(bucket) == ["raw/movies.csv"]


def test_nothing_is_connected_before_the_first_request(s3: Settings) -> None:
    reached: list[Settings] = []

    def reach(asked: Settings) -> Settings:
        reached.append(asked)
        return s3

    bucket = LandingBucket(s3.with_s3_endpoint("http://127.0.0.1:1"), reach=reach)
    assert (bucket.name, bucket.address, reached) == (s3.bucket, "http://127.0.0.1:1", [])
    put(LandingBucket(s3), "raw/movies.csv")
    assert keys(bucket) == keys(bucket) == ["raw/movies.csv"]
    assert (bucket.address, len(reached)) == (s3.s3_endpoint, 1)


def test_the_first_bytes_of_an_object_are_of_the_version_observed(bucket: LandingBucket) -> None:
    put(bucket, "raw/x.csv", b"0123456789")
    (version,) = bucket.versions()
    assert bucket.first_bytes(version, 4) == b"0123"
    assert bucket.first_bytes(version, 99) == b"0123456789"
    with pytest.raises(BucketError, match="received 10 of 11 bytes"):
        bucket.first_bytes(replace(version, size=11), 4)
    put(bucket, "raw/x.csv", b"9876543210")
    with pytest.raises(BucketError, match=r"raw/x\.csv was replaced after it was observed"):
        bucket.first_bytes(version, 4)


def test_objects_that_changed_since_they_were_observed_are_found_in_a_new_listing(bucket: LandingBucket) -> None:
    for name in ("a", "b/c", "z"):
        put(bucket, f"raw/{name}.csv", name.encode())
    versions = list(bucket.versions())
    bucket.refuse_if_replaced(versions)
    bucket.refuse_if_replaced([])
    put(bucket, "raw/b/c.csv", b"other")
    bucket.refuse_if_replaced([version for version in versions if version.key != "raw/b/c.csv"])
    with pytest.raises(BucketError, match=r"raw/b/c\.csv was replaced after it was observed"):
        bucket.refuse_if_replaced(versions)
    bucket.delete("raw/b/c.csv")
    with pytest.raises(BucketError, match=r"raw/b/c\.csv: the object is gone"):
        bucket.refuse_if_replaced(versions)


ON_AMAZON = {
    "NETFLIX_TARGET": "snowflake",
    "NETFLIX_S3_BUCKET": "acme-movielens",
    "NETFLIX_S3_REGION": "eu-west-1",
    "NETFLIX_SNOWFLAKE_ACCOUNT": "acme-prod",
}


@pytest.mark.parametrize(
    ("own", "address"),
    [
        ({}, "https://acme-movielens.s3.eu-west-1.amazonaws.com/raw/x.csv"),
        ({"NETFLIX_S3_ENDPOINT": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000/acme-movielens/raw/x.csv"),
    ],
)
def test_amazons_buckets_are_hosts_and_other_servers_have_them_as_paths(
    own: dict[str, str], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "given-to-the-machine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "too")
    client = LandingBucket(Settings.from_environment(ON_AMAZON | own))._client
    signed = client.generate_presigned_url("get_object", {"Bucket": "acme-movielens", "Key": "raw/x.csv"})
    assert signed.partition("?")[0] == address
    assert "given-to-the-machine" in signed


def test_a_machine_without_credentials_is_told_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(BucketError, match="there are no AWS credentials to list raw/"):
        list(LandingBucket(Settings.from_environment(ON_AMAZON)).versions())
