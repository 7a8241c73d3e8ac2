"""Errors of logins at a provider, with what the login page shows."""

from http import HTTPStatus

from web.http.errors import WebError


class ProviderError(WebError):
    """The provider cannot be used now; the message states the reason."""

    status = HTTPStatus.SERVICE_UNAVAILABLE


class OidcRefusedError(WebError):
    """The provider's answer proves nothing, or the user may not log in here."""

    status = HTTPStatus.FORBIDDEN
