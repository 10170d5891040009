"""Hands letters to the mail server; in development without one, to a folder where they can be read."""

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

from widget_api import clock, network, redaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.settings import Settings

TIMEOUT = 20  # seconds an answer of the mail server may take
MAX_DURATION = 60  # seconds a letter may take
FOLDER = "mail"
_log = logging.getLogger(__name__)


class NoEncryption(Exception):
    """The server offers no TLS, so the password of WIDGET_SMTP_URL stays here."""


def can_send(settings: Settings) -> bool:
    """Whether letters leave at all: in production only with a mail server."""
    return settings.smtp_url is not None or not settings.production


async def send_message(settings: Settings, message: EmailMessage, bounces_to: str | None = None) -> None:
    """Returns when the mail server has taken the letter. Raises Retry or GiveUp, with what the server said.

    `bounces_to` is the address on the envelope, where the letter goes back to if nobody takes it.
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
        raise GiveUp(
            _redact(str(error))
        ) from None  # a mailbox outside ASCII, and a server that does not speak SMTPUTF8
    except NoEncryption as error:
        _log.warning("%s", error)
        raise Retry(str(error)) from None
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        # Refused log-ins and senders too: the operator can mend those, and then the letters go out.
        raise Retry(_redact(f"{type(error).__name__}: {error}")) from None
    else:
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # the letter is taken, however the goodbye goes
            await server.quit()
    finally:
        server.close()


def _redact(answer: str) -> str:
    """Servers repeat the address; what they say is shown to whoever looks after deliveries, and outlives an erasure."""
    return redaction.EMAIL.sub("…@…", answer)


def _error_class(code: int) -> type[GiveUp] | type[Retry]:
    return GiveUp if code >= 500 else Retry


def create_client(url: str) -> aiosmtplib.SMTP:
    """`smtps://` speaks TLS from the first byte, `smtp://` changes over where the server offers it.

    Without a password to protect, TLS on offer is taken whoever the certificate names (RFC 7435): an attacker on the
    line could as well leave out the offer. With one the certificate counts, and `connect` insists on TLS.
    """
    parts = urlsplit(url)
    direct = parts.scheme == "smtps"
    return aiosmtplib.SMTP(
        hostname=parts.hostname or "localhost",
        port=parts.port or (465 if direct else 587 if parts.username else 25),
        use_tls=direct,
        start_tls=None,  # where it is offered; `connect` looks whether it was
        tls_context=_tls_context(verified=direct or bool(parts.username)),
        timeout=TIMEOUT,
    )


@lru_cache(maxsize=2)
def _tls_context(*, verified: bool) -> ssl.SSLContext:
    """Made once: reading the certificates of the system's authorities takes as long as sending a letter."""
    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def connect(server: aiosmtplib.SMTP, url: str) -> None:
    """Open the connection and log in. Raises NoEncryption rather than send a password over a network in clear text.

    An attacker on the line can remove the offer of STARTTLS (RFC 8314, 3.3: cleartext is obsolete for submission). A
    server on this machine needs no encryption: what is said to it crosses no network.
    """
    await server.connect()
    parts = urlsplit(url)
    if not parts.username:
        return
    if server.get_transport_info("sslcontext") is None and not network.is_loopback(parts.hostname):
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
