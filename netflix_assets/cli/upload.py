"""`netflix-assets upload`, and what it says of every file of the source and of what stays in the bucket."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.markup import escape

from netflix_assets.cli.shared import console, one_sentence
from netflix_assets.errors import UserError
from netflix_assets.settings import Settings

if TYPE_CHECKING:
    from netflix_assets.landing.bucket import ObjectVersion
    from netflix_assets.landing.upload import Confirm, Remaining, UploadedFile, UploadReport

_NAMED = 10


@click.command(epilog="Example: netflix-assets upload ml-latest-small.zip")
@click.argument("source")
@click.option("--skip", multiple=True, metavar="NAME", help="Leave out a file of SOURCE (a name, path or pattern).")
@click.option("--replace", is_flag=True, help="Make the bucket hold exactly SOURCE: remove all that it does not hold.")
@click.option("--yes", is_flag=True, help="With --replace: do not ask before something is removed.")
@one_sentence
def upload(source: str, skip: tuple[str, ...], replace: bool, yes: bool) -> None:
    """Put a release of ratings into the bucket: SOURCE is a folder, a .zip, one file, or the URL of one.

    Every MovieLens release, its copy at Kaggle and the Netflix Prize are taken as they are; ratings are split by month.
    Objects whose content is there already are left alone, so that it can be interrupted and repeated.
    """
    run_upload(Settings.from_environment(), source, skip=skip, replace=replace, confirm=None if yes else ask)


def run_upload(
    settings: Settings,
    source: str,
    *,
    skip: Sequence[str] = (),
    replace: bool = False,
    confirm: Confirm | None = None,
    called: str | None = None,
) -> None:
    """Upload a source, and print what came of it.

    Args:
        settings: Where the bucket is.
        source: See `landing.upload.upload`.
        skip: The same.
        replace: The same.
        confirm: The same.
        called: The same.
    """
    from netflix_assets.console import counting
    from netflix_assets.landing.upload import upload as upload_files
    from netflix_assets.targets import bucket_from

    bucket = bucket_from(settings)
    with counting(console) as report:
        done = upload_files(
            source,
            bucket,
            scratch=settings.home / "tmp",
            skip=skip,
            replace=replace,
            confirm=confirm,
            called=called,
            by_name=settings.by_name,
            progress=report,
        )
    print_upload(console, done)


def ask(removed: Sequence[ObjectVersion]) -> bool:
    """List what would be removed, and ask.

    Raises:
        UserError: Nobody is there to answer.
    """
    print_removal(console, removed)
    if not sys.stdin.isatty():
        it = "it" if len(removed) == 1 else "they"
        raise UserError(f"nothing was changed: {_objects(len(removed))} would be removed; say --yes if {it} may be")
    return click.confirm(f"remove {_objects(len(removed))}?", default=False)


def print_removal(to: Console, removed: Sequence[ObjectVersion]) -> None:
    """What an upload is about to remove."""
    size = sum(version.size for version in removed) / 1e6
    _say(to, f"to be removed, because the source does not hold them: {_objects(len(removed))} ({size:,.1f} MB)")
    for line in _shortened([version.key for version in removed]):
        _say(to, f"  {line}")


def print_upload(to: Console, report: UploadReport) -> None:
    """What an upload did: a line for each raw file, for each file that was left out, and for what stays."""
    for file in report.files:
        _say(to, _file_line(file, report))
        if file.not_kept:
            _say(to, f"  not kept: {file.not_kept}")
    _print_left_out(to, report)
    for key in report.removed[:_NAMED]:
        _say(to, f"removed: {key}")
    if len(report.removed) > _NAMED:
        _say(to, f"removed: {_objects(len(report.removed) - _NAMED)} more")
    for remaining in report.remaining:
        _say(to, _remaining_line(remaining), style="yellow")
    if report.remaining:
        _say(to, "  `upload --replace` removes what the source does not hold")
    parts = [f"{_objects(len(report.uploaded))} ({report.bytes_uploaded / 1e6:,.1f} MB) put"]
    parts.append(f"{len(report.unchanged):,} already there")
    if report.removed:
        parts.append(f"{len(report.removed):,} removed")
    if report.checksum_verified is not None:
        parts.append("checksum verified" if report.checksum_verified else "no checksum is published")
    _say(to, f"upload: {'; '.join(parts)}")


def _say(to: Console, text: str, *, style: str | None = None) -> None:
    # Names are printed as they are: nothing in them is markup.
    to.print(escape(text), soft_wrap=True, style=style)


def _file_line(file: UploadedFile, report: UploadReport) -> str:
    first, *others = file.sources
    source = first if not others else f"{first} and {len(others):,} more"
    written = f" ({file.dialect})" if file.dialect else ""
    rows = f"{file.rows:,} row{'' if file.rows == 1 else 's'}"
    if file.published is not None and report.release is not None:
        same = "as many as" if file.rows == file.published else "where"
        verb = "has" if file.rows == file.published else f"has {file.published:,}"
        rows += f", {same} {report.release.name} {verb}"
    months = f", {_span(file.months)}" if file.months else ""
    there = file.objects - file.put
    objects = f"{_objects(file.put)} put" + (f", {there:,} already there" if there else "")
    return f"{file.name}: {source}{written}: {rows}{months}: {objects}"


def _objects(count: int) -> str:
    return f"{count:,} object{'' if count == 1 else 's'}"


def _span(months: Sequence[str]) -> str:
    if len(months) == 1:
        return f"1 month ({months[0]})"
    return f"{len(months):,} months ({months[0]} to {months[-1]})"


def _print_left_out(to: Console, report: UploadReport) -> None:
    """Name each file that was not put; those of one reason that are many are counted."""
    by_reason: dict[str, list[str]] = {}
    for one in report.left_out:
        by_reason.setdefault(one.why, []).append(one.path)
    for why, paths in by_reason.items():
        named = ", ".join(paths[:_NAMED])
        more = f" and {len(paths) - _NAMED:,} more" if len(paths) > _NAMED else ""
        _say(to, f"not put: {named}{more}: {why}")


def _remaining_line(remaining: Remaining) -> str:
    size = f"{_objects(len(remaining.keys))}, {remaining.bytes / 1e6:,.1f} MB"
    what = remaining.name or "objects that nothing loads"
    where = f": {_span(remaining.months)}" if remaining.months else f": {', '.join(_shortened(remaining.keys))}"
    return f"stays in the bucket, and is not in the source: {what}{where} ({size})"


def _shortened(keys: Iterable[str]) -> list[str]:
    listed = list(keys)
    more = [f"and {len(listed) - _NAMED:,} more"] if len(listed) > _NAMED else []
    return [*listed[:_NAMED], *more]
