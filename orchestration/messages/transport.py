"""Sending one message over SMTP or to a Slack webhook, and saying whether trying again can help.

Not here: which message is due, and when it is tried again (delivery.py). No database.
"""

import contextlib
import json
import re
import smtplib
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr, parsedate_to_datetime
from http.client import HTTPException, HTTPResponse
from typing import Any, Self

from pydantic import SecretStr

from orchestration.errors import PermanentError, TransientError
from orchestration.settings import Settings

SMTPS_PORT = 465  # TLS from the first byte (RFC 8314), not STARTTLS
SLACK_TEXT_CHARS = 39_000  # Slack cuts at 40,000 and answers 400 well beyond it
ERROR_CHARS = 300
NOT_PERMANENT_4XX = (408, 425, 429)
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class DeliveryRefusedError(PermanentError):
    """This message will never be accepted: another try would be refused again."""


class DeliveryDeferredError(TransientError):
    """Not now. ``channel_down`` says that other messages of the channel would fare no better."""

    def __init__(self, message: str, *, channel_down: bool, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.channel_down = channel_down
        self.retry_after_seconds = retry_after_seconds


@dataclass(frozen=True)
class Parcel:
    """One message to one recipient, ready to send. ``message_id`` is the same at every try."""

    channel: str
    recipient: str
    subject: str
    text: str
    html: str
    message_id: str
    created_at: datetime


@dataclass(frozen=True)
class Transport:
    """How messages leave: an SMTP server, a Slack webhook, or either alone. Its repr shows no secret."""

    smtp_host: str | None = None
    smtp_port: int = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = field(default=None, repr=False)
    smtp_starttls: bool = True
    smtp_from: str = "daybreak@localhost"
    slack_webhook: SecretStr | None = field(default=None, repr=False)
    timeout_seconds: float = 10.0

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The transport that the environment describes."""
        return cls(
            smtp_host=settings.smtp_host,
            smtp_port=settings.smtp_port,
            smtp_user=settings.smtp_user,
            smtp_password=settings.smtp_password,
            smtp_starttls=settings.smtp_starttls,
            smtp_from=settings.smtp_from,
            slack_webhook=settings.slack_webhook,
        )

    @property
    def channels(self) -> list[str]:
        """The channels something can be sent over; messages of the others wait in the outbox.

        >>> Transport(smtp_host="mail.example.com").channels
        ['email']
        """
        return ["email"] * bool(self.smtp_host) + ["slack"] * bool(_reveal(self.slack_webhook))

    def send(self, parcel: Parcel) -> None:
        """Send it, or raise. Returning means that the other side has taken responsibility for it.

        Raises:
            DeliveryRefusedError: the other side refuses this message for good (SMTP 5xx, most HTTP 4xx).
            DeliveryDeferredError: another try may succeed (no connection, timeout, SMTP 4xx, HTTP 429, 5xx).
        """
        try:
            if parcel.channel == "email":
                self._send_email(parcel)
            else:
                self._send_slack(parcel)
        except (DeliveryRefusedError, DeliveryDeferredError) as error:
            error.message = self.redact(error.message)
            raise
        except Exception as error:
            # Whatever else a message or a server can provoke must not stop the messages behind it.
            text = self.redact(f"{type(error).__name__}: {error}")
            raise DeliveryDeferredError(text, channel_down=False) from None

    def redact(self, text: str) -> str:
        """The text on one line, at most 300 characters, without the webhook's address or the password.

        >>> Transport(smtp_password=SecretStr("s3cret")).redact("bad password\\r\\ns3cret")
        'bad password ***'
        """
        webhook = _reveal(self.slack_webhook)
        secrets = [webhook, re.sub(r"^[a-z]+://[^/]*/?", "", webhook), _reveal(self.smtp_password)]
        for secret in filter(None, secrets):
            text = text.replace(secret, "***")
        return one_line(text)[:ERROR_CHARS]

    def _send_email(self, parcel: Parcel) -> None:
        email = compose(parcel, sender=self.smtp_from)
        try:
            smtp = self._connect()
        except smtplib.SMTPAuthenticationError as error:
            # Without the server's words: some repeat the encoded login.
            raise DeliveryDeferredError(f"SMTP login refused ({error.smtp_code})", channel_down=True) from None
        except (OSError, smtplib.SMTPException) as error:
            raise DeliveryDeferredError(f"SMTP connection: {_describe(error)}", channel_down=True) from None
        try:
            smtp.send_message(email)
        except (OSError, smtplib.SMTPException) as error:
            smtp.close()
            raise _smtp_failure(error) from None
        # Accepted. A server that then stumbles over the goodbye must not have the message sent again.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            smtp.quit()

    def _connect(self) -> smtplib.SMTP:
        """An SMTP session, encrypted and logged in where that is set. The certificate is checked."""
        # The host's own name, not getfqdn(): a slow name server would hold up every message.
        options: dict[str, Any] = {"timeout": self.timeout_seconds, "local_hostname": socket.gethostname()}
        host = self.smtp_host or ""
        if self.smtp_port == SMTPS_PORT:
            context = ssl.create_default_context()
            smtp: smtplib.SMTP = smtplib.SMTP_SSL(host, self.smtp_port, context=context, **options)
        else:
            smtp = smtplib.SMTP(host, self.smtp_port, **options)
        try:
            if self.smtp_starttls and self.smtp_port != SMTPS_PORT:
                smtp.starttls(context=ssl.create_default_context())
            if self.smtp_user:
                smtp.login(self.smtp_user, _reveal(self.smtp_password))
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _send_slack(self, parcel: Parcel) -> None:
        url = _reveal(self.slack_webhook)
        if not url.startswith(("https://", "http://")):
            raise DeliveryDeferredError("Slack: the webhook is not an http address", channel_down=True)
        text = parcel.text if len(parcel.text) <= SLACK_TEXT_CHARS else parcel.text[:SLACK_TEXT_CHARS] + " …"
        headers = {"Content-Type": "application/json; charset=utf-8"}
        try:
            request = urllib.request.Request(url, json.dumps({"text": text}).encode(), headers, method="POST")
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=self.timeout_seconds):
                return
        except urllib.error.HTTPError as error:
            with error:
                raise _slack_failure(error) from None
        except OSError as error:
            raise DeliveryDeferredError(f"Slack: {_describe(error)}", channel_down=True) from None
        except (HTTPException, ValueError) as error:
            # The kind only: these quote the address, which is a password, in escaped forms.
            raise DeliveryDeferredError(f"Slack: {type(error).__name__}", channel_down=True) from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows nothing: a redirected POST becomes a GET, whose 200 would look like a delivery."""

    def redirect_request(self, *_: Any) -> None:
        """Refuse, so that the 3xx is reported as the failure it is."""


def compose(parcel: Parcel, *, sender: str) -> EmailMessage:
    r"""The e-mail: text with an HTML alternative; no header can be smuggled in through subject or recipient.

    Raises:
        DeliveryRefusedError: the recipient is not an e-mail address.

    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> evil = Parcel("email", "a@example.com", "Hi\r\nBcc: b@example.com", "text", "", "<1@x>", now)
    >>> compose(evil, sender="daybreak@example.com")["Subject"]
    'Hi Bcc: b@example.com'
    """
    email = EmailMessage(policy=SMTP)
    email["Subject"] = one_line(parcel.subject)
    email["From"] = _address(sender)
    email["To"] = _address(parcel.recipient)
    email["Date"] = format_datetime(parcel.created_at)
    email["Message-ID"] = parcel.message_id
    email["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
    email.set_content(parcel.text)
    if parcel.html:
        email.add_alternative(parcel.html, subtype="html")
    return email


def one_line(text: str) -> str:
    r"""The text with every run of control characters and line separators as one space.

    >>> one_line("Käse\r\n\tund Brot ")
    'Käse und Brot'
    """
    return _CONTROL.sub(" ", text).strip()


def _address(text: str) -> Address:
    line = one_line(text)
    name, address = parseaddr(line)
    local, _, domain = address.rpartition("@")
    try:
        # The parser closes gaps: "a@exa mple.com" would reach a stranger at example.com.
        if address not in line:
            raise ValueError
        # A domain has an ASCII spelling; a local part has none, so a non-ASCII one is refused here.
        return Address(display_name=name, addr_spec=f"{local}@{domain.encode('idna').decode('ascii')}")
    except (ValueError, IndexError):
        raise DeliveryRefusedError(f"not an e-mail address: {text!r}") from None
    except Exception as error:  # email.errors.HeaderParseError is the parser's own word for it
        raise DeliveryRefusedError(f"not an e-mail address: {text!r} ({type(error).__name__})") from None


def _smtp_failure(error: Exception) -> DeliveryRefusedError | DeliveryDeferredError:
    """What a failed SMTP conversation means: 5xx for the recipient or the content is for good."""
    text = f"SMTP: {_describe(error)}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, reply = next(iter(error.recipients.values()))
        text = f"SMTP: recipient refused: {code} {reply.decode('utf-8', 'replace')}"
        return DeliveryRefusedError(text) if code >= 500 else DeliveryDeferredError(text, channel_down=False)
    if isinstance(error, smtplib.SMTPDataError):
        return DeliveryRefusedError(text) if error.smtp_code >= 500 else DeliveryDeferredError(text, channel_down=False)
    # A refused sender is our own setting: somebody can put it right while the message waits.
    return DeliveryDeferredError(text, channel_down=True)


def _slack_failure(error: urllib.error.HTTPError) -> DeliveryRefusedError | DeliveryDeferredError:
    """What Slack's answer means: 429 says how long to wait, other 3xx and 4xx are for good, 5xx is not."""
    try:
        # One read, because an answer may trickle in for hours.
        reply = error.fp.read1(200) if isinstance(error.fp, HTTPResponse) else b""
    except (OSError, HTTPException, ValueError):
        reply = b""
    text = f"Slack: HTTP {error.code} {reply.decode('utf-8', 'replace')}"
    if error.code == 429:
        wait = retry_after_seconds(error.headers.get("Retry-After"), now=datetime.now(UTC))
        return DeliveryDeferredError(text, channel_down=True, retry_after_seconds=wait)
    if error.code < 500 and error.code not in NOT_PERMANENT_4XX:
        return DeliveryRefusedError(text)
    return DeliveryDeferredError(text, channel_down=True)


def retry_after_seconds(header: str | None, *, now: datetime) -> float | None:
    """How long a Retry-After header asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3), at most a day.

    >>> retry_after_seconds("30", now=datetime(2026, 11, 20, tzinfo=UTC))
    30.0
    >>> retry_after_seconds("Fri, 20 Nov 2026 00:01:00 GMT", now=datetime(2026, 11, 20, tzinfo=UTC))
    60.0
    """
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdecimal() else (parsedate_to_datetime(header) - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(seconds, 0.0), 86_400.0)


def _describe(error: BaseException) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        reply = error.smtp_error
        return f"{error.smtp_code} {reply.decode('utf-8', 'replace') if isinstance(reply, bytes) else reply}"
    return f"{type(error).__name__}: {error}"


def _reveal(secret: SecretStr | None) -> str:
    return secret.get_secret_value().strip() if secret else ""
