"""Whom to tell when something goes wrong: routes, each an address that Apprise knows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from urllib.parse import quote, unquote, urlencode, urlsplit

from netflix_assets.settings.reader import Reader

_ROUTE = "NETFLIX_ALERT_ROUTE_"
_SLACK = "NETFLIX_ALERT_SLACK_WEBHOOK"
_EMAIL_TO = "NETFLIX_ALERT_EMAIL_TO"
_EMAIL_FROM = "NETFLIX_ALERT_EMAIL_FROM"
_SMTP_URL = "NETFLIX_ALERT_SMTP_URL"


@dataclass(frozen=True)
class Route:
    """One place where alerts go.

    Attributes:
        name: The setting that it comes from, to name it without its address.
        url: Address as Apprise writes it (`slack://...`, `mailto://...`); never shown, it holds secrets.
        groups: Only what concerns assets of these groups; empty for all.
        owners: Only what concerns assets of these owners; empty for all.
        after: How many times in a row the same must fail before it is told.
    """

    name: str
    url: str = field(repr=False)
    groups: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    after: int = 1

    @classmethod
    def read(cls, reader: Reader, name: str) -> Route | None:
        """Read a variable such as `group=raw,mart owner=team:data after=3 slack://...`; None if it is wrong."""
        *conditions, url = (reader.get(name) or "").split()
        route = cls(name, url)
        for condition in conditions:
            kind, _, value = condition.partition("=")
            values = tuple(part for part in value.split(",") if part)
            if kind == "group" and values:
                route = replace(route, groups=route.groups + values)
            elif kind == "owner" and values:
                route = replace(route, owners=route.owners + values)
            elif kind == "after" and value.isdecimal() and int(value) > 0:
                route = replace(route, after=int(value))
            else:
                reader.wrong(
                    f"{name} is malformed; before the address only group=NAME,..., owner=NAME,... and after=NUMBER may "
                    "stand, separated by spaces"
                )
                return None
        return route


@dataclass(frozen=True)
class Alerts:
    """Whom to tell when something goes wrong.

    Attributes:
        routes: Where alerts go; none means the log.
        ui_url: Where the Dagster UI is, for links.
    """

    routes: tuple[Route, ...] = ()
    ui_url: str = "http://127.0.0.1:3000"

    @classmethod
    def read(cls, reader: Reader) -> Alerts:
        """Read their variables."""
        default = cls()
        routes = [_slack_route(reader), _email_route(reader)]
        routes += [Route.read(reader, name) for name in reader.names_with_prefix(_ROUTE)]
        return cls(
            routes=tuple(route for route in routes if route and _is_known_to_apprise(reader, route)),
            ui_url=reader.matching(
                "NETFLIX_UI_URL", r"https?://\S+", "an address with http:// or https://", default=default.ui_url
            ).rstrip("/"),
        )


def _is_known_to_apprise(reader: Reader, route: Route) -> bool:
    # A fifth of a second, and only where alerts go anywhere.
    from apprise import Apprise

    if Apprise.instantiate(route.url) is None:
        reader.wrong(f"{route.name} has an address that Apprise does not know, or that lacks something")
        return False
    return True


def _slack_route(reader: Reader) -> Route | None:
    """The route to an incoming webhook of Slack, or of a server that takes the same."""
    url = reader.secret(_SLACK, r"https?://\S+", "an http(s) address")
    if url is None or not url.startswith("http"):
        return None
    if urlsplit(url).hostname == "hooks.slack.com":
        return Route(_SLACK, url)
    scheme, _, rest = url.partition("://")
    payload = {":message": "text", ":title": "", ":version": "", ":type": "", ":attachments": ""}
    address = f"{'jsons' if scheme == 'https' else 'json'}://{rest}"
    return Route(_SLACK, f"{address}{'&' if '?' in rest else '?'}{urlencode(payload)}")


def _email_route(reader: Reader) -> Route | None:
    """The route to a mail server: `smtps` is TLS from the start, `smtp` with a password STARTTLS, else in the clear."""
    to = [address.strip() for address in (reader.get(_EMAIL_TO) or "").split(",") if address.strip()]
    sender = reader.required(_EMAIL_FROM, default="netflix-assets@localhost")
    url = reader.secret(_SMTP_URL, r"smtps?://\S+", "smtp://user:password@host:port") or "smtp://localhost"
    server = urlsplit(url)
    if not to or not server.hostname:
        return None
    mode = "ssl" if server.scheme == "smtps" else "starttls" if server.username else "insecure"
    user = quote(unquote(server.username or ""), safe="")
    password = quote(unquote(server.password or ""), safe="")
    login = f"{user}:{password}@" if user else ""
    port = server.port or (465 if mode == "ssl" else 25)
    options = {"smtp": server.hostname, "from": sender, "to": ",".join(to), "mode": mode, "format": "text"}
    scheme = "mailto" if mode == "insecure" else "mailtos"
    return Route(_EMAIL_TO, f"{scheme}://{login}{server.hostname}:{port}?{urlencode(options)}")
