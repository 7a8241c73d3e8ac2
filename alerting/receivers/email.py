"""The receiver that sends e-mails over SMTP, with the settings of an `alertmanager.yml`."""

import asyncio
import email.utils
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from alerting.errors import DeliveryError
from alerting.receivers.clients import ReceiverClients
from alerting.receivers.rendered import TextSource
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
        section = self._section
        texts = self._texts.of(WebhookBody.model_validate_json(body))
        message = EmailMessage()
        headers = {"From": section.from_address, "To": section.to, "Subject": _SUBJECT}
        given = {name.title(): value for name, value in section.headers.items()}
        for name, source in (headers | given).items():
            # A line break would begin another header.
            message[name] = " ".join((await texts.text(source)).split())
        message["Date"] = email.utils.formatdate(localtime=True)
        message["Message-Id"] = email.utils.make_msgid(domain=section.hello or socket.getfqdn())
        text = await texts.text(section.text)
        html = await texts.text(section.html, html=True)
        message.set_content(text or "See the HTML part.")
        if html:
            if not text:
                message.set_content(html, subtype="html")
            else:
                message.add_alternative(html, subtype="html")
        sending = self._threads.submit(lambda: self._deliver(message))
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.wrap_future(sending)
        except TimeoutError as exc:
            raise DeliveryError(f"smtp: no answer in {self._timeout_s:g} s") from exc

    def _deliver(self, message: EmailMessage) -> None:
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
                if section.auth_username:
                    server.login(section.auth_username, section.auth_password)
                server.send_message(message)
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


class _RenamingContext:
    """A context that expects another name in the certificate than that of the host."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self._context, self._name = context, name

    def wrap_socket(self, sock: socket.socket, *, server_hostname: str) -> ssl.SSLSocket:
        """Begin TLS."""
        return self._context.wrap_socket(sock, server_hostname=self._name)
