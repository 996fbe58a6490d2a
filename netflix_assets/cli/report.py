"""The report: build it from the marts as they are, serve it, open it."""

from __future__ import annotations

import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import click
from rich.markup import escape

from netflix_assets.cli.shared import console, definitions, one_sentence
from netflix_assets.errors import ReportError, UserError
from netflix_assets.settings import Settings
from netflix_assets.signals import until_signal

if TYPE_CHECKING:
    from netflix_assets.reporting.store import ReportStore


@click.group()
def report() -> None:
    """The report on how people rate movies: one HTML page that needs no network."""


@report.command(epilog="Example: netflix-assets report build")
@one_sentence
def build() -> None:
    """Build the report from the marts as they are; nothing is loaded or rebuilt for it."""
    from netflix_assets.reporting.report import build_report
    from netflix_assets.reporting.report_assets import MADE_FROM

    settings = Settings.from_environment()
    with console.status("building the report"):
        _, _, warehouse = definitions(settings)
        built = build_report(
            warehouse,
            _store(settings),
            schema_prefix=settings.schema_prefix,
            made_from=MADE_FROM[settings.target],
            keep_in=settings.report_path.parent / "kept",
        )
    as_of = f"{built.data.as_of:%Y-%m-%d}" if built.data.as_of else "no ratings yet"
    console.print(
        f"report: {escape(str(built.location))} ({built.size_bytes / 1e6:.1f} MB, data as of {as_of})", soft_wrap=True
    )


@report.command("open", epilog="Example: netflix-assets report open")
@one_sentence
def open_() -> None:
    """Open the report in the browser."""
    settings = Settings.from_environment()
    store = _store(settings)
    path = store.file()
    if webbrowser.open(path.as_uri()):
        console.print(f"opened {escape(str(path))}", soft_wrap=True)
    else:
        console.print(f"no browser can be started here; open {path.as_uri()} in one", soft_wrap=True)


@report.command(epilog="Example: netflix-assets report serve --port 8001")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port, on 127.0.0.1.")
@one_sentence
def serve(port: int) -> None:
    """Serve the newest report on 127.0.0.1 until interrupted or terminated."""
    settings = Settings.from_environment()
    store = _store(settings)
    store.read()
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), _handler(store))
    except OSError as error:
        raise ReportError(
            f"the report cannot be served on 127.0.0.1:{port} ({error.strerror}); choose another with --port"
        ) from error
    with server:
        console.print(f"report at http://127.0.0.1:{server.server_port}, until Ctrl-C", soft_wrap=True)
        with until_signal():
            server.serve_forever()
    raise KeyboardInterrupt


@report.command("looker-studio", epilog="Example: netflix-assets report looker-studio")
@one_sentence
def looker_studio() -> None:
    """Print a link that creates the dashboard in Looker Studio over this environment's views."""
    from netflix_assets.reporting.looker_studio import linking_url

    click.echo(linking_url(Settings.from_environment()))


def _store(settings: Settings) -> ReportStore:
    """Where this environment keeps its report; asks neither Dagster nor dbt."""
    from netflix_assets.reporting.store import report_store
    from netflix_assets.targets import bucket_from

    return report_store(settings, bucket_from(settings))


def _handler(store: ReportStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.split("?")[0] != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            try:
                body = store.read().encode()
            except UserError as error:
                self.send_error(HTTPStatus.SERVICE_UNAVAILABLE, explain=str(error))
                return
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing of each request."""

    return Handler
