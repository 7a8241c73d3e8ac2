"""Redirects plain HTTP to HTTPS."""

import re
from http import HTTPStatus
from typing import Final

from aiohttp import web

from web.middleware.headers import ALL_RESPONSES
from web.settings import WebSettings

_HOST: Final = re.compile(r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?", re.ASCII)


def redirect_server(settings: WebSettings, https_port: int) -> web.Server:
    """Return a server that answers every request with the same URL over HTTPS."""

    async def redirect(request: web.BaseRequest) -> web.Response:
        base = _base(request, settings, https_port)
        if base is None:
            return _response(HTTPStatus.BAD_REQUEST, "send a Host header\n", {})
        # 308 keeps method and body; a token or password has been sent in the clear by then.
        location = {"Location": base + request.rel_url.raw_path_qs}
        return _response(HTTPStatus.PERMANENT_REDIRECT, "use https\n", location)

    return web.Server(redirect)


def _base(request: web.BaseRequest, settings: WebSettings, https_port: int) -> str | None:
    if settings.public_url is not None:
        return str(settings.public_url).rstrip("/")
    found = _HOST.fullmatch(request.headers.get("Host", ""))
    if found is None:
        return None
    return f"https://{found[1]}" + ("" if https_port == 443 else f":{https_port}")


def _response(status: HTTPStatus, text: str, headers: dict[str, str]) -> web.Response:
    response = web.Response(status=status, text=text, headers={**ALL_RESPONSES, **headers})
    response.force_close()
    return response
