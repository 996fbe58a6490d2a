"""Whom to tell when something goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, field

from netflix_assets.settings.reader import Reader


@dataclass(frozen=True)
class Alerts:
    """Whom to tell when something goes wrong; nobody means the log.

    Attributes:
        slack_webhook: Address of an incoming webhook of Slack, or None; never shown.
        email_to: Addresses that get a mail.
        email_from: Address that it comes from.
        smtp_url: Mail server, `smtp://user:password@host:port` or `smtps://...`; never shown.
        ui_url: Where the Dagster UI is, for links.
    """

    slack_webhook: str | None = field(default=None, repr=False)
    email_to: tuple[str, ...] = ()
    email_from: str = "netflix-assets@localhost"
    smtp_url: str = field(default="smtp://localhost", repr=False)
    ui_url: str = "http://127.0.0.1:3000"

    @classmethod
    def read(cls, reader: Reader) -> Alerts:
        """Read their variables."""
        default = cls()
        return cls(
            slack_webhook=reader.secret("NETFLIX_ALERT_SLACK_WEBHOOK", r"https?://\S+", "an http(s) address"),
            email_to=tuple(to.strip() for to in (reader.get("NETFLIX_ALERT_EMAIL_TO") or "").split(",") if to.strip()),
            email_from=reader.required("NETFLIX_ALERT_EMAIL_FROM", default=default.email_from),
            smtp_url=reader.secret("NETFLIX_ALERT_SMTP_URL", r"smtps?://\S+", "smtp://user:password@host:port")
            or default.smtp_url,
            ui_url=reader.matching(
                "NETFLIX_UI_URL", r"https?://\S+", "an address with http:// or https://", default=default.ui_url
            ).rstrip("/"),
        )
