"""The emulator as a server: what clients connect to, and what tests may ask of it."""

from __future__ import annotations

import base64
import gzip
import hashlib
import importlib
import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import jwt
import uvicorn
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from fakesnow.instance import FakeSnow
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from netflix_assets.settings import Settings
from netflix_assets_tests.emulator import patches
from netflix_assets_tests.emulator.copy_into import ReadObject
from netflix_assets_tests.emulator.patches import Statement, Surroundings, state_of

# The package has a function of the same name.
_FAKESNOW: Any = importlib.import_module("fakesnow.server")
_START_SECONDS = 20


class Emulator:
    """A running emulator.

    Attributes:
        port: Where it listens, on 127.0.0.1.
        requests: Paths of the requests received since `forget`.
        sign_ins: The users who signed in since `forget`, dbt's own sessions aside.
    """

    def __init__(self, settings: Settings) -> None:
        """Prepare the server; `running` starts it.

        Args:
            settings: Where the S3 server is that stages read from.
        """
        # Listening from here on, so that nobody else can take the port.
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._surroundings = Surroundings(read=_reader(settings))
        self._keys: dict[str, RSAPublicKey] = {}
        patches.apply(self._surroundings)
        _FAKESNOW.to_conn = _connection_of
        logging.getLogger("fakesnow.server").setLevel(logging.CRITICAL)
        logging.getLogger("sqlglot").setLevel(logging.ERROR)
        _FAKESNOW.shared_fs = FakeSnow(create_database_on_connect=False, create_schema_on_connect=False)
        # A load's statements are small: more threads than one take a fifth more of the processors, and end no sooner.
        _FAKESNOW.shared_fs.duck_conn.execute("set threads = 1")
        routes = [route for route in _FAKESNOW.routes if route.path not in ("/session/v1/login-request", "/session")]
        routes.insert(0, Route("/session/v1/login-request", self._log_in, methods=["POST"]))
        routes.insert(0, Route("/session", self._session, methods=["POST"]))
        self.app = Starlette(routes=routes)
        self.requests: list[str] = []
        self.sign_ins: list[str] = []
        self._sign_in_refusal: tuple[int, str, str] | None = None

    @property
    def statements(self) -> list[Statement]:
        """Every statement received since `forget`, oldest first."""
        return list(self._surroundings.statements)

    def forget(self) -> None:
        """Empty the lists of statements, of requests and of sign-ins."""
        self._surroundings.statements.clear()
        self.requests.clear()
        self.sign_ins.clear()

    def register(self, user: str, key: RSAPublicKey) -> None:
        """Let a user sign in with the private key that goes with this one."""
        self._keys[user.upper()] = key

    def create_database(self, name: str, schemas: tuple[str, ...] = ("RAW",)) -> None:
        """Make an empty database with these schemas."""
        connection = _FAKESNOW.shared_fs.connect()
        connection.cursor().execute(f"create database {name}", server=True)
        for schema in schemas:
            connection.cursor().execute(f"create schema {name}.{schema}", server=True)
        connection.close()

    def drop_database(self, name: str) -> None:
        """Forget a database and everything in it."""
        # DuckDB's word for it; fakesnow passes DROP DATABASE on, which DuckDB does not know.
        _FAKESNOW.shared_fs.duck_conn.cursor().execute(f"detach {name}")

    def empty(self, database: str) -> None:
        """Take all rows out of the raw tables of a database."""
        connection = _FAKESNOW.shared_fs.duck_conn.cursor()
        tables = connection.execute(
            "select table_name from information_schema.tables where table_catalog = ? and table_schema = 'RAW'",
            [database],
        ).fetchall()
        for (table,) in tables:
            connection.execute(f'delete from {database}.RAW."{table}"').fetchall()
        connection.execute(f"insert into {database}.RAW.LOAD_LOCK values (0)").fetchall()

    def create_stage(self, name: str, url: str) -> None:
        """Make an external stage, by its full name; an admin's work."""
        connection = _FAKESNOW.shared_fs.connect()
        connection.cursor().execute(f"create or replace stage {name} url = '{url}'", server=True)
        connection.close()

    def rows(self, database: str, statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        """Rows of queries, without a client in between and not among the statements received."""
        connection = _FAKESNOW.shared_fs.connect(database, "RAW")
        try:
            cursor = connection.cursor()
            return [list(map(tuple, cursor.execute(sql, server=True).fetchall())) for sql in statements]
        finally:
            connection.close()

    @contextmanager
    def refusing(self, pattern: str, number: int, sql_state: str, text: str) -> Iterator[None]:
        """Answer statements that match a pattern with an error, for what is not emulated (privileges)."""
        refusal = (re.compile(pattern, re.IGNORECASE), (number, sql_state, text))
        self._surroundings.refusals.append(refusal)
        try:
            yield
        finally:
            self._surroundings.refusals.remove(refusal)

    @contextmanager
    def refusing_sign_in(self, code: str, message: str, *, status: int = 200) -> Iterator[None]:
        """Answer whoever signs in with an error of this number, or of this HTTP status."""
        self._sign_in_refusal = (status, code, message)
        try:
            yield
        finally:
            self._sign_in_refusal = None

    @contextmanager
    def taking(self, pattern: str, seconds: float) -> Iterator[None]:
        """Have statements that match a pattern take so long, as far as timeouts go."""
        duration = (re.compile(pattern, re.IGNORECASE), seconds)
        self._surroundings.durations.append(duration)
        try:
            yield
        finally:
            self._surroundings.durations.remove(duration)

    @contextmanager
    def account_parameters(self, **values: str) -> Iterator[None]:
        """Set parameters of the account, which hold for sessions that do not set them."""
        self._surroundings.account_parameters.update(values)
        try:
            yield
        finally:
            self._surroundings.account_parameters.clear()

    def end_sessions(self) -> None:
        """End every session and its transaction, as Snowflake does some time after a client died."""
        for connection in _FAKESNOW.sessions.values():
            connection.close()
        _FAKESNOW.sessions.clear()

    async def _counted(self, scope: Any, receive: Any, send: Any) -> None:
        """The application, with a note of each request."""
        self.requests.append(str(scope.get("path")))
        await self.app(scope, receive, send)

    async def _log_in(self, request: Request) -> JSONResponse:
        body = await request.body()
        if request.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        data = json.loads(body)["data"]
        if self._sign_in_refusal is not None:
            status, code, message = self._sign_in_refusal
            answer = {"data": {}, "code": code, "message": message, "success": False}
            return JSONResponse(answer, status_code=status)
        user = str(data.get("LOGIN_NAME", "")).upper()
        if not self._is_signed_by(user, data.get("TOKEN")):
            return JSONResponse(
                {"data": {}, "code": "390144", "message": "JWT token is invalid. [emulated]", "success": False}
            )
        response: JSONResponse = await _FAKESNOW.login_request(request)
        answered = json.loads(bytes(response.body))
        token = answered["data"]["token"]
        state = state_of(_FAKESNOW.sessions[token])
        state.user = user
        if data["CLIENT_ENVIRONMENT"]["APPLICATION"] != "dbt":
            self.sign_ins.append(user)
        state.parameters.set_all(data.get("SESSION_PARAMETERS", {}))
        # Without one, which fakesnow does not give, the client takes a session for ended and does not end it.
        answered["data"]["masterToken"] = token
        return JSONResponse(answered)

    def _is_signed_by(self, user: str, token: str | None) -> bool:
        key = self._keys.get(user)
        if key is None or token is None:
            return False
        try:
            claims = jwt.decode(token, key, algorithms=["RS256"])
        except jwt.InvalidTokenError:
            return False
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        fingerprint = base64.b64encode(hashlib.sha256(der).digest()).decode()
        return str(claims["iss"]).endswith(f".{user}.SHA256:{fingerprint}")

    async def _session(self, request: Request) -> JSONResponse:
        """End a session with its open transaction and temporary tables; fakesnow keeps both."""
        connection = _FAKESNOW.sessions.get(_FAKESNOW.to_token(request))
        response: JSONResponse = await _FAKESNOW.session(request)
        if connection is not None and request.query_params.get("delete"):
            connection.close()
        return response

    @contextmanager
    def running(self) -> Iterator[Emulator]:
        """Serve until the block ends."""
        config = uvicorn.Config(
            self._counted, interface="asgi3", log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            assert time.monotonic() < deadline, "the emulator did not start"
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join(_START_SECONDS)
            self.end_sessions()


def _connection_of(token: str) -> Any:
    """The session of a token; Snowflake answers of one that it has ended, where fakesnow calls the request a fault."""
    if token in _FAKESNOW.sessions:
        return _FAKESNOW.sessions[token]
    gone = "Session no longer exists.  New login required to access the service."
    raise _FAKESNOW.ServerError(status_code=200, code="390111", message=gone)


def _reader(settings: Settings) -> ReadObject:
    client: Any = boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        region_name="us-east-1",
    )

    def read(bucket: str, key: str) -> bytes:
        try:
            return bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket", "404"):
                raise KeyError(key) from None
            raise

    return read
