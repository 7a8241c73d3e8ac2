"""The receiver that sends e-mails over SMTP, with the settings of an `alertmanager.yml`."""

import asyncio
import email.utils
import smtplib
import socket
import ssl
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from alerting.errors import DeliveryError
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
        self, integration: Integration, texts: TextSource, folder: Path, timeout_s: float
    ) -> None:
        self._section, self._texts, self._folder = integration.section, texts, folder
        self._timeout_s = timeout_s
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
            with _connection(section, host, int(port), self._timeout_s, implicit) as server:
                server.ehlo(section.hello or "localhost")
                if section.require_tls and not implicit:
                    server.starttls(context=_context(section, self._folder))
                    server.ehlo(section.hello or "localhost")
                if section.auth_username:
                    server.login(section.auth_username, section.auth_password)
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as exc:
            raise DeliveryError(f"{shown}: authentication failed ({exc.smtp_code})") from None
        except (smtplib.SMTPException, OSError, ValueError) as exc:
            raise DeliveryError(f"{shown}: {type(exc).__name__}") from None


def _connection(
    section: Any, host: str, port: int, timeout_s: float, implicit: bool
) -> smtplib.SMTP:
    if implicit:
        return smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=_context(section, Path()))
    return smtplib.SMTP(host, port, timeout=timeout_s)


def _context(section: Any, folder: Path) -> ssl.SSLContext:
    tls = section.tls_config
    if tls is None:
        return ssl.create_default_context()
    ca_file = str(folder / tls.ca_file) if tls.ca_file else None
    context = ssl.create_default_context(cafile=ca_file, cadata=tls.ca or None)
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
