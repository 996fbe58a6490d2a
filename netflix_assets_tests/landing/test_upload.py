"""A release goes into the bucket once, whole, by month, and without a byte changed."""

import gzip
import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from netflix_assets.catalog import RAW_FILES
from netflix_assets.errors import BucketError, UserError
from netflix_assets.landing.bucket import LandingBucket
from netflix_assets.landing.upload import UploadReport, upload
from netflix_assets.settings import Settings

MOVIES = 'movieId,title,genres\n1,"Été, ""The"" (1995)",Drama\n'.encode()
HEADER = b"userId,movieId,rating,timestamp\n"
JAN_2001, FEB_2001, MAR_2001 = 978_307_200, 980_985_600, 983_404_800


def rating(user: int, time: object) -> bytes:
    return f"{user},1,4.5,{time}\n".encode()


def ratings(*times: object) -> bytes:
    return HEADER + b"".join(rating(user, time) for user, time in enumerate(times, 1))


def month_key(month: str) -> str:
    return f"raw/ratings/month={month}/ratings.csv"


def put(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def contents(bucket: LandingBucket) -> dict[str, bytes]:
    return {version.key: b"".join(bucket.download(version)) for version in bucket.versions()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "scratch"
    yield folder
    assert not folder.exists() or not list(folder.iterdir()), "an upload left something behind"


def test_a_file_without_months_is_put_byte_for_byte(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    odd = b"\xef\xbb\xbfmovieId,title,genres\r\n1,caf\xe9 in latin-1,Drama\r\n\r\n2"
    tags = gzip.compress(b"userId,movieId,tag,timestamp\n")
    put(source, {"movies.csv": odd, "tags.csv.gz": tags, "README.txt": b"not data"})
    report = upload(str(source), bucket, scratch=scratch)
    assert contents(bucket) == {"raw/movies.csv": odd, "raw/tags.csv.gz": tags}
    assert report.uploaded == ("raw/movies.csv", "raw/tags.csv.gz")
    assert report.bytes_uploaded == len(odd) + len(tags)


def test_ratings_are_cut_into_months_in_their_order(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    times = [FEB_2001, JAN_2001, FEB_2001 - 1, MAR_2001 - 1, FEB_2001, MAR_2001]
    put(source, {"ratings.csv": ratings(*times)})
    report = upload(str(source), bucket, scratch=scratch)
    assert contents(bucket) == {
        month_key("2001-01"): HEADER + rating(2, JAN_2001) + rating(3, FEB_2001 - 1),
        month_key("2001-02"): HEADER + rating(1, FEB_2001) + rating(4, MAR_2001 - 1) + rating(5, FEB_2001),
        month_key("2001-03"): HEADER + rating(6, MAR_2001),
    }
    (file,) = report.files
    assert (file.name, file.rows, file.months) == ("ratings", 6, ("2001-01", "2001-02", "2001-03"))


@pytest.mark.parametrize("bad", ["x", "", "978307200.5", "0", "-1", "99999999999999999999", "4102444800"])
def test_a_row_that_no_month_can_hold_goes_with_the_row_before_it(
    source: Path, bucket: LandingBucket, scratch: Path, bad: str
) -> None:
    put(source, {"ratings.csv": ratings(bad, JAN_2001, bad, FEB_2001, bad)})
    upload(str(source), bucket, scratch=scratch)
    assert contents(bucket) == {
        month_key("2001-01"): HEADER + rating(1, bad) + rating(2, JAN_2001) + rating(3, bad),
        month_key("2001-02"): HEADER + rating(4, FEB_2001) + rating(5, bad),
    }


def test_rows_keep_their_bytes(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    lines = [
        b'"1","2","3.5","978307200"\r\n',
        b"1,2\n",
        b"\n",
        b"\xff\x00,,,\n",
        b" 5 , 2 , 3 , 978307200 \r\n",
        b"6,2,3,978307200,extra\n",
        b'7,"2,3,978307200\n',
        b"7,\x00,3,soon\n",
        b"7," + b"2" * 200_000 + b"\n",
        b"8,2,3,978307200",
    ]
    put(source, {"ratings.csv": b"\xef\xbb\xbf" + HEADER.replace(b"\n", b"\r\n") + b"".join(lines)})
    report = upload(str(source), bucket, scratch=scratch)
    rows = [line for line in lines if line.strip()]
    assert contents(bucket) == {month_key("2001-01"): HEADER.replace(b"\n", b"\r\n") + b"".join(rows)}
    assert report.files[0].rows == len(rows)


def test_every_raw_file_has_its_own_key(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    files = {f"{file.name.replace('_', '-')}.csv": f"{','.join(file.header)}\n".encode() for file in RAW_FILES}
    report = upload(str(put(source, files | {"ratings.csv": ratings(JAN_2001)})), bucket, scratch=scratch)
    assert report.uploaded == tuple(
        sorted(file.object_key("2001-01" if file.month_column else None) for file in RAW_FILES)
    )
    assert [file.name for file in report.files] == [file.name for file in RAW_FILES]


def test_a_second_upload_of_the_same_data_puts_nothing(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001, FEB_2001)})
    first = upload(str(source), bucket, scratch=scratch)
    written = {version.key: version.last_modified for version in bucket.versions()}
    second = upload(str(source), bucket, scratch=scratch)
    assert (second.uploaded, second.unchanged, second.bytes_uploaded) == ((), first.uploaded, 0)
    assert {version.key: version.last_modified for version in bucket.versions()} == written


def test_only_the_months_that_changed_are_put(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001, FEB_2001)})
    upload(str(source), bucket, scratch=scratch)
    put(source, {"ratings.csv": ratings(JAN_2001, FEB_2001 + 1)})
    assert upload(str(source), bucket, scratch=scratch).uploaded == (month_key("2001-02"),)


def test_months_that_the_source_lacks_stay_and_are_told(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"ratings.csv": ratings(JAN_2001, FEB_2001)})
    upload(str(source), bucket, scratch=scratch)
    put(source, {"ratings.csv": ratings(FEB_2001 + 1)})
    report = upload(str(source), bucket, scratch=scratch)
    assert set(contents(bucket)) == {month_key("2001-01"), month_key("2001-02")}
    (remaining,) = report.remaining
    assert (remaining.name, remaining.months, remaining.keys) == ("ratings", ("2001-01",), (month_key("2001-01"),))


def test_another_spelling_of_the_same_file_is_removed(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    ours = ["raw/genome_tags.csv", "raw/movies.csv", month_key("2001-01")]
    doubles = ["raw/genome-tags.csv", "raw/genome_tags.csv.gz", "raw/movies.csv.gz", f"{month_key('2001-01')}.gz"]
    others = [
        "raw/genome-scores.csv",
        "raw/links.csv.gz",
        "raw/ratings.csv",
        "raw/ratings/month=2001-01/mine.csv",
        f"{month_key('2001-02')}.gz",
        "raw/unknown.csv",
    ]
    for key in [*doubles, *others]:
        bucket.put(key, io.BytesIO(b"x"))
    put(source, {"genome-tags.csv": b"tagId,tag\n", "movies.csv": MOVIES, "ratings.csv": ratings(JAN_2001)})
    report = upload(str(source), bucket, scratch=scratch)
    assert report.removed == tuple(sorted(doubles))
    assert set(contents(bucket)) == {*ours, *others}


def test_a_folder_laid_out_by_month_is_put_as_it_is(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    files = {
        "deep/ratings/month=2001-01/part-1.csv": ratings(JAN_2001),
        "deep/ratings/month=2001-01/part 2.csv.gz": gzip.compress(ratings(JAN_2001 + 1)),
        "deep/ratings/month=2001-02/ratings.csv": ratings(FEB_2001),
    }
    report = upload(str(put(source, files)), bucket, scratch=scratch)
    assert contents(bucket) == {f"raw/{name.removeprefix('deep/')}": content for name, content in files.items()}
    assert (report.files[0].months, report.files[0].rows) == (("2001-01", "2001-02"), 3)


def test_a_compressed_whole_export_is_cut_too(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"ratings.csv.gz": gzip.compress(ratings(JAN_2001, FEB_2001))})
    upload(str(source), bucket, scratch=scratch)
    assert set(contents(bucket)) == {month_key("2001-01"), month_key("2001-02")}


def test_a_zip_is_read_like_a_folder(tmp_path: Path, bucket: LandingBucket, scratch: Path) -> None:
    archive = zipped(
        tmp_path / "a release.zip",
        {
            "ml-tiny/movies.csv": MOVIES,
            "ml-tiny/ratings.csv": ratings(JAN_2001),
            "ml-tiny/README.txt": b"hello",
            "__MACOSX/ml-tiny/._movies.csv": b"rubbish",
            "nested/ratings/month=2001-03/x.txt": b"hello",
        },
    )
    upload(str(archive), bucket, scratch=scratch)
    assert contents(bucket) == {"raw/movies.csv": MOVIES, month_key("2001-01"): ratings(JAN_2001)}


def test_paths_in_a_zip_lead_nowhere(tmp_path: Path, bucket: LandingBucket, scratch: Path) -> None:
    archive = zipped(
        tmp_path / "evil.zip",
        {
            "../../movies.csv": MOVIES,
            f"{tmp_path}/links.csv": b"movieId,imdbId,tmdbId\n",
            "../ratings/month=2001-01/../../tags.csv": b"userId,movieId,tag,timestamp\n",
            "../../../ratings/month=2001-01/x.csv": ratings(JAN_2001),
        },
    )
    before = set(tmp_path.rglob("*"))
    upload(str(archive), bucket, scratch=scratch)
    assert set(contents(bucket)) == {
        "raw/movies.csv",
        "raw/links.csv",
        "raw/tags.csv",
        "raw/ratings/month=2001-01/x.csv",
    }
    assert set(tmp_path.rglob("*")) - before <= {scratch}


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04 cut off"])
def test_what_is_no_zip_is_refused(tmp_path: Path, bucket: LandingBucket, scratch: Path, content: bytes) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.zip is not a zip that can be read"):
        upload(str(tmp_path / "a.zip"), bucket, scratch=scratch)


def test_a_damaged_zip_puts_nothing(tmp_path: Path, bucket: LandingBucket, scratch: Path) -> None:
    archive = zipped(
        tmp_path / "a.zip", {"movies.csv": MOVIES, "ratings.csv": ratings(*range(JAN_2001, JAN_2001 + 99))}
    )
    content = bytearray(archive.read_bytes())
    at = content.index(b"ratings.csv") + 100
    content[at : at + 4] = b"oops"
    archive.write_bytes(content)
    with pytest.raises(UserError, match=r"ratings\.csv of .*a\.zip cannot be read"):
        upload(str(archive), bucket, scratch=scratch)
    assert contents(bucket) == {}


def test_a_damaged_gzip_puts_nothing(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    whole = gzip.compress(ratings(*range(JAN_2001, JAN_2001 + 99)))
    for broken in (whole[:-20], b"not gzip at all", whole[:50] + b"oops" + whole[54:]):
        put(source, {"movies.csv": MOVIES, "ratings.csv.gz": broken})
        with pytest.raises(UserError, match=r"ratings\.csv\.gz.*(the gzip data is|the content is not gzip)"):
            upload(str(source), bucket, scratch=scratch)
    assert contents(bucket) == {}


def test_a_gzip_bomb_puts_nothing(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"movies.csv.gz": gzip.compress(b"movieId,title,genres\n" + b"1,a,b\n" * (12 << 20), 1)})
    with pytest.raises(UserError, match=r"movies\.csv\.gz of .* is not unpacked: .* as no data does"):
        upload(str(source), bucket, scratch=scratch)
    assert contents(bucket) == {}


@pytest.mark.parametrize("name", ["ratings.csv", "ratings.csv.gz", "ratings.dat", "movies.csv"])
def test_a_line_that_no_csv_has_puts_nothing(source: Path, bucket: LandingBucket, scratch: Path, name: str) -> None:
    long = b"9" * (10 << 20)
    bodies = {
        "ratings.csv": ratings(JAN_2001, JAN_2001) + long + b"\n" + rating(3, JAN_2001),
        "ratings.csv.gz": gzip.compress(ratings(JAN_2001) + rating(2, "9" * (1 << 20)), 1),
        "ratings.dat": b"1::1::3::978307200\n" * 3 + long + b"\n",
        "movies.csv": MOVIES + b"2," + long,
    }
    put(source, {"tags.csv": b"userId,movieId,tag,timestamp\n", name: bodies[name]})
    with pytest.raises(UserError) as caught:
        upload(str(source), bucket, scratch=scratch)
    said = str(caught.value)
    assert f"{name} of {source}: a line is longer than 1048576 bytes" in said and len(said) < 400
    assert contents(bucket) == {}


@pytest.mark.parametrize("files", [{}, {"README.txt": b"x"}, {".hidden/movies.csv": MOVIES}])
def test_a_source_without_any_raw_file_is_told_what_is_looked_for(
    source: Path, bucket: LandingBucket, scratch: Path, files: dict[str, bytes]
) -> None:
    with pytest.raises(UserError, match=r"holds no file of a MovieLens release; looked for movies\.csv, ratings\.csv"):
        upload(str(put(source, files)), bucket, scratch=scratch)


@pytest.mark.parametrize(
    "files",
    [
        {"a/movies.csv": MOVIES, "b/movies.csv": MOVIES},
        {"movies.csv": MOVIES, "movies.csv.gz": gzip.compress(MOVIES)},
        {"genome-tags.csv": b"tagId,tag\n", "genome_tags.csv": b"tagId,tag\n"},
        {"ratings.csv": ratings(JAN_2001), "ratings/month=2001-02/ratings.csv": ratings(FEB_2001)},
    ],
)
def test_a_source_that_holds_a_file_twice_is_refused(
    source: Path, bucket: LandingBucket, scratch: Path, files: dict[str, bytes]
) -> None:
    with pytest.raises(UserError, match=r"holds .* twice, .*; remove one"):
        upload(str(put(source, files)), bucket, scratch=scratch)
    assert contents(bucket) == {}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (ratings(JAN_2001).removeprefix(HEADER), "the header is missing"),
        (b"userId;movieId;rating;timestamp\n1;1;4;978307200\n", "separated by a semicolon"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        (b"userId,movieId,timestamp,rating\n1,1,978307200,4\n", "in another order"),
    ],
)
def test_ratings_with_a_broken_header_are_refused(
    source: Path, bucket: LandingBucket, scratch: Path, content: bytes, words: str
) -> None:
    put(source, {"movies.csv": MOVIES, "ratings.csv": content})
    with pytest.raises(UserError) as caught:
        upload(str(source), bucket, scratch=scratch)
    assert f"nothing was put: ratings.csv of {source}, line 1" in str(caught.value)
    assert words in str(caught.value)
    assert contents(bucket) == {}


def test_ratings_of_which_none_has_a_time_are_refused(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"ratings.csv": ratings("x", "y")})
    with pytest.raises(UserError, match=r"ratings\.csv of .*, line 2: timestamp .* is "):
        upload(str(source), bucket, scratch=scratch)


def test_ratings_without_rows_make_no_month(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    for header in (HEADER, HEADER.rstrip()):
        put(source, {"ratings.csv": header, "movies.csv": MOVIES})
        upload(str(source), bucket, scratch=scratch)
    assert set(contents(bucket)) == {"raw/movies.csv"}


def test_a_source_that_is_not_there_is_named(bucket: LandingBucket, scratch: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no .*nowhere; give a folder, a \.zip file or"):
        upload(str(tmp_path / "nowhere"), bucket, scratch=scratch)


def test_a_scratch_folder_that_cannot_be_made_is_named(source: Path, bucket: LandingBucket, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"file/scratch cannot be written"):
        upload(str(source), bucket, scratch=tmp_path / "file" / "scratch")


def test_an_interrupted_upload_is_finished_by_the_next(
    source: Path, bucket: LandingBucket, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(source, {"ratings.csv": ratings(*(JAN_2001 + 31 * 86_400 * month for month in range(30)))})
    put_file = LandingBucket.put_file
    done: list[str] = []

    def failing(self: LandingBucket, key: str, path: Path) -> str:
        if len(done) >= 10:
            raise BucketError("the network is gone")
        etag = put_file(self, key, path)
        done.append(key)
        return etag

    monkeypatch.setattr(LandingBucket, "put_file", failing)
    with pytest.raises(BucketError, match="the network is gone"):
        upload(str(source), bucket, scratch=scratch)
    monkeypatch.undo()
    there = set(contents(bucket))
    assert 10 <= len(there) < 20
    report = upload(str(source), bucket, scratch=scratch)
    assert set(report.unchanged) == there
    assert set(contents(bucket)) == {*report.uploaded, *report.unchanged}


def test_progress_reaches_the_end_of_each_step(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"movies.csv": MOVIES, "ratings.csv.gz": gzip.compress(ratings(JAN_2001, FEB_2001))})
    last: dict[str, tuple[int, int]] = {}

    def tell(label: str, done: int, total: int) -> None:
        last[label] = (done, total)

    upload(str(source), bucket, scratch=scratch, progress=tell)
    size = (source / "ratings.csv.gz").stat().st_size
    assert last == {"split ratings.csv.gz": (size, size), "upload": (3, 3)}


class _Site(http.server.BaseHTTPRequestHandler):
    """Serves `pages`: bytes, or a status; a path in `short` announces more than it sends."""

    pages: dict[str, bytes | int]
    short: set[str]

    def do_GET(self) -> None:
        page = self.pages.get(self.path, 404)
        if isinstance(page, int):
            self.send_error(page)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(page) + (1000 if self.path in self.short else 0)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def website(pages: dict[str, bytes | int], short: frozenset[str] = frozenset()) -> Iterator[str]:
    handler = type("Site", (_Site,), {"pages": pages, "short": set(short)})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def release(tmp_path: Path) -> bytes:
    files = {"ml-tiny/movies.csv": MOVIES, "ml-tiny/ratings.csv": ratings(JAN_2001, FEB_2001)}
    return zipped(tmp_path / "ml-tiny.zip", files).read_bytes()


def _md5(content: bytes) -> str:
    return hashlib.md5(content).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "MD5 (ml-tiny.zip) = {}\n",
        "{}  ml-tiny.zip\n",
        "{}",
        "0123456789abcdef0123456789abcdef  ml-25m.zip\n{} *ml-tiny.zip",
    ],
)
def test_a_release_on_the_web_is_checked_against_its_published_md5(
    bucket: LandingBucket, scratch: Path, release: bytes, text: str
) -> None:
    published = text.format(_md5(release).upper()).encode()
    with website({"/ml-tiny.zip": release, "/ml-tiny.zip.md5": published}) as site:
        report = upload(f"{site}/ml-tiny.zip", bucket, scratch=scratch)
    assert report.checksum_verified is True
    assert set(contents(bucket)) == {"raw/movies.csv", month_key("2001-01"), month_key("2001-02")}


PAGE = b"<!DOCTYPE html>\n<p>0123456789abcdef0123456789abcdef  ml-tiny.zip</p>\n<p>Sign in</p>\n"


@pytest.mark.parametrize("answer", [404, 403, b"no digest here", PAGE])
def test_a_release_without_a_published_md5_is_uploaded_and_the_report_says_so(
    bucket: LandingBucket, scratch: Path, release: bytes, answer: bytes | int
) -> None:
    with website({"/ml-tiny.zip?version=1": release, "/ml-tiny.zip.md5?version=1": answer}) as site:
        report: UploadReport = upload(f"{site}/ml-tiny.zip?version=1", bucket, scratch=scratch)
    assert report.checksum_verified is False


def test_a_local_source_has_no_checksum(source: Path, bucket: LandingBucket, scratch: Path) -> None:
    put(source, {"movies.csv": MOVIES})
    assert upload(str(source), bucket, scratch=scratch).checksum_verified is None


def test_a_download_with_another_md5_is_refused(bucket: LandingBucket, scratch: Path, release: bytes) -> None:
    with (
        website({"/ml-tiny.zip": release, "/ml-tiny.zip.md5": _md5(b"another").encode()}) as site,
        pytest.raises(UserError, match=f"has MD5 {_md5(release)}, but {_md5(b'another')} is published"),
    ):
        upload(f"{site}/ml-tiny.zip", bucket, scratch=scratch)
    assert contents(bucket) == {}


def test_a_download_that_breaks_off_is_refused(bucket: LandingBucket, scratch: Path, release: bytes) -> None:
    with (
        website({"/ml-tiny.zip": release}, short=frozenset({"/ml-tiny.zip"})) as site,
        pytest.raises(UserError, match=f"received {len(release)} of {len(release) + 1000} bytes"),
    ):
        upload(f"{site}/ml-tiny.zip", bucket, scratch=scratch)
    assert contents(bucket) == {}


@pytest.mark.parametrize(
    ("page", "words"),
    [(404, "answered 404"), (503, "answered 503"), (b"<html>hello</html>", "is not a zip that can be read")],
)
def test_an_address_that_gives_no_zip_is_refused(
    bucket: LandingBucket, scratch: Path, page: bytes | int, words: str
) -> None:
    with website({"/ml-tiny.zip": page}) as site, pytest.raises(UserError, match=f"/ml-tiny.zip {words}"):
        upload(f"{site}/ml-tiny.zip", bucket, scratch=scratch)


def test_an_address_where_nobody_listens_is_refused(bucket: LandingBucket, scratch: Path, settings: Settings) -> None:
    with pytest.raises(UserError, match=r"cannot be downloaded .*; check the address"):
        upload(f"{settings.s3_endpoint}/ml-tiny.zip", bucket, scratch=scratch)


def test_the_progress_of_a_download_is_told(bucket: LandingBucket, scratch: Path, release: bytes) -> None:
    told: list[tuple[str, int, int]] = []
    with website({"/ml-tiny.zip": release}) as site:
        upload(f"{site}/ml-tiny.zip", bucket, scratch=scratch, progress=lambda *step: told.append(step))
    assert ("download", len(release), len(release)) in told
