"""The one-file exporter that hosts fetch from the server, and the line that installs it."""

import hashlib
import shlex
import socket
from ipaddress import ip_address
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from aiohttp import web

from model.addresses import ListenAddress
from web.http.errors import MissingError
from web.http.network import base_url, is_control_socket
from web.http.operations import Operation
from web.http.routing import Access, Route, Surface
from web.services import Services
from web.settings import WebSettings

PATH: Final = "/install/redshank-exporter.pyz"
_FILE: Final = "redshank-exporter.pyz"
_MEDIA_TYPE: Final = "application/octet-stream"
_ONLY_HERE: Final = (
    "No other host reaches {url}, so the line works on the server's own machine only. Let the "
    "server listen on an address of its network (server.listen), or set web.public_url to the URL "
    "by which hosts reach it; then make a new line."
)


class InstallLine(NamedTuple):
    """A line to paste into the shell of a host.

    Attributes:
        command: the shell command that installs the exporter.
        warning: why it works on the server's own machine only, "" if it works on other hosts.
    """

    command: str
    warning: str


class ExporterInstaller:
    """Serves the exporter, and writes the line to paste on a host."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self._services, self._settings = services, settings

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("hosts", bytes, media_type=_MEDIA_TYPE, errors=(404,))
        # Public: it is the program itself, without keys, and a new host has no login.
        return (Route("GET", PATH, self.file, Access.PUBLIC, Surface.JSON, operation=operation),)

    async def file(self, _: web.Request) -> web.Response:
        """Return the exporter as one file, for the python3 of a host."""
        content = await self._services.exporter_file()
        if content is None:
            raise MissingError("this server cannot build the exporter as one file; see its log")
        return web.Response(body=content, content_type=_MEDIA_TYPE)

    async def line(self, request: web.Request, key: str = "") -> InstallLine | None:
        """Return the line that installs the exporter, None without the file.

        It checks the SHA-256 that this server computed, so that the file may come over plain
        HTTP.

        Args:
            request: of the client, whose address of this server the host uses too.
            key: of a host that pushes, "" for one that is scraped.
        """
        content = await self._services.exporter_file()
        if content is None:
            return None
        url = self.url(request)
        # Strings in double quotes, so that the shell's single quotes enclose them.
        fetch = f'from urllib.request import urlretrieve as get; get("{url}{PATH}", "{_FILE}")'
        digest = hashlib.sha256(content).hexdigest()
        # One word: a key may begin with a hyphen.
        push = f" --push {shlex.quote(url)} --key={shlex.quote(key)}" if key else ""
        # python3 downloads: it must be there, and a small system has neither curl nor wget.
        command = (
            '(d=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && cd "$d" && '
            f"python3 -c {shlex.quote(fetch)} && "
            f"echo '{digest}  {_FILE}' | sha256sum -c --quiet && "
            f"$(command -v sudo) python3 {_FILE} install{push})"
        )
        return InstallLine(command, self.warning(request))

    def warning(self, request: web.Request) -> str:
        """Return why no other host reaches this server at its URL, "" if hosts may reach it."""
        url = self.url(request)
        return _ONLY_HERE.format(url=url) if _is_loopback(urlsplit(url).hostname or "") else ""

    def url(self, request: web.Request) -> str:
        """Return the URL of this server for other hosts.

        It is the one that the client uses, unless the client is on this machine or comes through
        an SSH tunnel: then that URL means another machine on each host.
        """
        is_local = is_control_socket(request) or _is_loopback(request.url.host or "")
        if self._settings.public_url is not None or not is_local:
            return base_url(request, self._settings)
        listen = ListenAddress.parse(self._services.listen)
        if _is_loopback(listen.host) and not is_control_socket(request):
            return base_url(request, self._settings)
        is_everywhere = listen.host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound.
        host = socket.gethostname() if is_everywhere else listen.host
        web_config = self._services.web_config
        scheme = "https" if web_config is not None and web_config.serves_tls else "http"
        return f"{scheme}://{ListenAddress(host, listen.port)}"


def _is_loopback(host: str) -> bool:
    """Report whether only clients on this machine reach a host name or address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
