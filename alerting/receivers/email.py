"""The receiver that sends e-mails over SMTP, with the settings of an `alertmanager.yml`."""

import asyncio
import datetime as dt
import email.utils
import smtplib
import socket
import ssl
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any, cast

from alerting.errors import DeliveryError
from alerting.receivers.clients import ReceiverClients
from alerting.receivers.rendered import NotificationTexts, TextSource
from alerting.receivers.request_values import group_hash
from alerting.receivers.secrets import with_secrets
from alerting.receivers.webhook_body import WebhookBody
from alerting.routing.configuration import Integration
from model.network.daemon_threads import DaemonThreads

_SUBJECT = '{{ template "email.default.subject" . }}'
_TLS_PORT = "465"


class EmailReceiver:
    """Sends each notification as one e-mail, in a thread of its own."""

    def __init__(
        self,
        integration: Integration,
        texts: TextSource,
        folder: Path,
        clients: ReceiverClients,
        timeout_s: float,
    ) -> None:
        self._section, self._texts, self._folder = integration.section, texts, folder
        self._clients, self._timeout_s = clients, timeout_s
        self._threads = DaemonThreads(1, "smtp")

    async def send(self, body: str) -> None:
        """See `Receiver.send`."""
        parsed = WebhookBody.model_validate_json(body)
        texts = self._texts.of(parsed)
        message = await self._message(parsed, texts)
        section = self._section
        sender = _addresses(await texts.text(section.from_address))
        receivers = _addresses(await texts.text(section.to))
        if len(sender) != 1 or not receivers:
            reason = "from needs one address, and to at least one"
            raise DeliveryError(f"smtp: {reason}", retryable=False)
        sending = self._threads.submit(lambda: self._deliver(message, sender[0], receivers))
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wrap_future(sending)
        except TimeoutError as exc:
            raise DeliveryError(f"smtp: no answer in {self._timeout_s:g} s") from exc

    async def _message(self, body: WebhookBody, texts: NotificationTexts) -> EmailMessage:
        section, message = self._section, EmailMessage()
        headers = {"From": section.from_address, "To": section.to, "Subject": _SUBJECT}
        given = {name.title(): value for name, value in section.headers.items()}
        for name, source in (headers | given).items():
            # A line break would begin another header.
            message[name] = " ".join((await texts.text(source)).split())
        message["Date"] = email.utils.formatdate(localtime=True)
        if "Message-Id" not in message:
            domain = section.hello or socket.getfqdn()
            message["Message-Id"] = email.utils.make_msgid(domain=domain)
        if section.threading.enabled:
            # Mails of one group refer to a mail that does not exist, and so form a thread.
            is_daily = section.threading.thread_by_date == "daily"
            day = f"{dt.datetime.now().astimezone():%Y-%m-%d}" if is_daily else ""
            root = f"<alert-{group_hash(body)[:16]}-{day}@alertmanager>"
            message["References"] = message["In-Reply-To"] = root
        text = await texts.text(section.text)
        html = await texts.text(section.html, html=True)
        message.set_content(text or "See the HTML part.")
        if html:
            if not text:
                message.set_content(html, subtype="html")
            else:
                message.add_alternative(html, subtype="html")
        return message

    def _deliver(self, message: EmailMessage, sender: str, receivers: list[str]) -> None:
        section = with_secrets(self._section, self._folder)
        host, _, port = section.smarthost.rpartition(":")
        implicit = section.force_implicit_tls
        if implicit is None:
            implicit = port == _TLS_PORT
        shown = f"smtp://{section.smarthost}"
        try:
            with self._connection(section, host, int(port), implicit) as server:
                server.ehlo(section.hello or "localhost")
                if section.require_tls and not implicit:
                    server.starttls(context=self._context(section))
                    server.ehlo(section.hello or "localhost")
                if section.auth_username and server.has_extn("auth"):
                    _log_in(server, section)
                server.send_message(message, sender, receivers)
        except smtplib.SMTPAuthenticationError as exc:
            raise DeliveryError(f"{shown}: authentication failed ({exc.smtp_code})") from None
        except (smtplib.SMTPException, OSError, ValueError) as exc:
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None

    def _connection(self, section: Any, host: str, port: int, implicit: bool) -> smtplib.SMTP:
        if implicit:
            context = self._context(section)
            return smtplib.SMTP_SSL(host, port, timeout=self._timeout_s, context=context)
        return smtplib.SMTP(host, port, timeout=self._timeout_s)

    def _context(self, section: Any) -> ssl.SSLContext:
        """Return the TLS options of a connection; reads files."""
        if section.tls_config is None:
            return ssl.create_default_context()
        context = self._clients.tls_context(section.tls_config, self._folder)
        name = section.tls_config.server_name
        # smtplib uses nothing else of a context.
        return cast("ssl.SSLContext", _RenamingContext(context, name)) if name else context


def _addresses(text: str) -> list[str]:
    return [address for _, address in email.utils.getaddresses([text]) if address]


def _log_in(server: smtplib.SMTP, section: Any) -> None:
    """Log in with the first mechanism of the server that the section has a secret for."""
    user, password, secret = section.auth_username, section.auth_password, section.auth_secret
    for mechanism in server.esmtp_features["auth"].split():
        match mechanism.upper():
            case "CRAM-MD5" if secret:
                server.user, server.password = user, secret
                server.auth("CRAM-MD5", server.auth_cram_md5)
                return
            case "PLAIN" if password:
                server.auth("PLAIN", partial(_plain, section))
                return
            case "LOGIN" if password:
                server.user, server.password = user, password
                server.auth("LOGIN", server.auth_login)
                return
    raise smtplib.SMTPAuthenticationError(535, b"no mechanism that there is a secret for")


def _plain(section: Any, challenge: bytes | None = None) -> str:
    """Return the answer of the mechanism PLAIN, which needs no challenge."""
    return f"{section.auth_identity}\0{section.auth_username}\0{section.auth_password}"


class _RenamingContext:
    """A context that expects another name in the certificate than that of the host."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._context, self._name = context, name

    def wrap_socket(self, sock: socket.socket, *, server_hostname: str) -> ssl.SSLSocket:
        """Begin TLS."""
        return self._context.wrap_socket(sock, server_hostname=self._name)
