"""Headers and request limit of the web configuration."""

from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from model.web_config.live import LiveWebConfig
from model.web_config.rate import RequestRate
from web.http.errors import TooManyRequestsError
from web.http.network import is_control_socket
from web.http.routing import Handler
from web.settings import WebSettings


def request_limit(live: LiveWebConfig) -> Middleware:
    """Return the middleware that refuses requests over the limit of all clients together."""
    rate = RequestRate()

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        config = live.current.config
        if not is_control_socket(request) and not rate.allows(config):
            raise TooManyRequestsError("more requests than rate_limit allows", 1)
        return await handler(request)

    return middleware


def web_config_headers(
    live: LiveWebConfig, settings: WebSettings
) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """Return the signal handler that adds the headers, and HSTS to answers over TLS."""
    age_s = settings.tls.hsts_max_age_s if settings.tls is not None else 0

    async def add(request: web.Request, response: web.StreamResponse) -> None:
        if age_s and request.secure:
            response.headers["Strict-Transport-Security"] = f"max-age={age_s}"
        response.headers.update(live.current.config.headers)

    return add
