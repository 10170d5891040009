"""Send letters to the mail server or, in development without one, write them to a folder."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib

from widget_api import clock, outbound, redaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.settings import Settings

TIMEOUT = 20  # seconds for a response of the mail server
MAX_DURATION = 60  # seconds for sending a letter
FOLDER = "mail"
_log = logging.getLogger(__name__)


class NoEncryption(Exception):
    """The server offers no TLS, so the password of WIDGET_SMTP_URL is not sent."""


def can_send(settings: Settings) -> bool:
    """Whether letters can be sent: in production only with a mail server."""
    return settings.smtp_url is not None or not settings.production


async def send_message(settings: Settings, message: EmailMessage, bounces_to: str | None = None) -> None:
    """Send a letter, and return when the mail server has accepted it.

    `bounces_to` is the envelope sender, to which the letter is returned if it cannot be delivered. Raises Retry or
    GiveUp with the server's response.
    """
    if settings.smtp_url is not None:
        await _send_by_smtp(settings.smtp_url, message, bounces_to)
    elif settings.production:
        raise GiveUp("WIDGET_SMTP_URL is not set")
    else:
        await asyncio.to_thread(_write_to_folder, settings.data_directory / FOLDER, message)


async def _send_by_smtp(url: str, message: EmailMessage, bounces_to: str | None) -> None:
    server = create_client(url)
    try:
        async with asyncio.timeout(MAX_DURATION):
            await connect(server, url)
            await server.send_message(message, sender=bounces_to)
    except aiosmtplib.SMTPRecipientsRefused as error:
        refused = error.recipients[0]
        raise _error_class(refused.code)(_redact(f"{refused.code} {refused.message}")) from None
    except aiosmtplib.SMTPDataError as error:
        raise _error_class(error.code)(_redact(f"{error.code} {error.message}")) from None
    except aiosmtplib.SMTPNotSupported as error:
        # A non-ASCII mailbox, and a server without SMTPUTF8.
        raise GiveUp(_redact(str(error))) from None
    except NoEncryption as error:
        _log.warning("%s", error)
        raise Retry(str(error)) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        # Also for a rejected login or sender: the operator can correct those, and the letters are sent then.
        raise Retry(_redact(f"{type(error).__name__}: {error}")) from None
    else:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # the letter has been accepted already
            await server.quit()
    finally:
        server.close()


def _redact(answer: str) -> str:
    """Remove addresses from a server's response, which the operator can read and which is kept after an erasure."""
    return redaction.EMAIL.sub("…@…", answer)


def _error_class(code: int) -> type[GiveUp] | type[Retry]:
    return GiveUp if code >= 500 else Retry


def create_client(url: str) -> aiosmtplib.SMTP:
    """Create an SMTP client: `smtps://` means implicit TLS, `smtp://` STARTTLS if the server offers it.

    Without a password to protect, the certificate is not verified (RFC 7435): an active attacker could remove the offer
    of STARTTLS instead. With a password the certificate is verified, and `connect` requires TLS.
    """
    parts = urlsplit(url)
    direct = parts.scheme == "smtps"
    return aiosmtplib.SMTP(
        hostname=parts.hostname or "localhost",
        port=parts.port or (465 if direct else 587 if parts.username else 25),
        use_tls=direct,
        start_tls=None,  # if offered; `connect` checks whether it was
        tls_context=_tls_context(verified=direct or bool(parts.username)),
        timeout=TIMEOUT,
    )


@lru_cache(maxsize=2)
def _tls_context(*, verified: bool) -> ssl.SSLContext:
    """Create a TLS context. Cached: loading the system's certificates takes as long as sending a letter."""
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(server: aiosmtplib.SMTP, url: str) -> None:
    """Open the connection and log in. Raises NoEncryption rather than sending a password in clear text.

    An active attacker can remove the offer of STARTTLS (RFC 8314, 3.3: cleartext is obsolete for submission). A server
    on this machine needs no encryption, since the connection does not cross a network.
    """
    await server.connect()
    parts = urlsplit(url)
    if not parts.username:
        return
    if server.get_transport_info("sslcontext") is None and not outbound.is_loopback(parts.hostname):
        raise NoEncryption(
            f"{server.hostname}:{server.port} offers no TLS: WIDGET_SMTP_URL has a password, which is not sent in clear"
            " text; use smtps://, or a server that offers STARTTLS"
        )
    if server.is_ehlo_or_helo_needed:
        await server.ehlo()
    if server.supports_extension("auth"):
        await server.login(unquote(parts.username), unquote(parts.password or ""))


def _write_to_folder(folder: Path, message: EmailMessage) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = str(message["Message-ID"]).strip("<>").partition("@")[0]
    path = folder / f"{clock.now()}-{name}.eml"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(bytes(message))
    unfinished.replace(path)
