"""Headers that remote storage and tracing send in addition.

Source: Prometheus documentation, "Configuration", remote_write and tracing_config.
"""

from typing import Annotated

from pydantic import AfterValidator

from model.quantities import TextMap

_RESERVED = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "user-agent",
        "www-authenticate",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-prometheus-remote-read-version",
        "x-prometheus-remote-write-version",
    }
)


def _check(headers: dict[str, str]) -> dict[str, str]:
    for name in headers:
        if name.lower() == "authorization":
            raise ValueError(
                "the header Authorization belongs to basic_auth, authorization, oauth2"
            )
        if name.lower() in _RESERVED:
            raise ValueError(f"the header {name} is set by Prometheus itself")
    return headers


RemoteHeaders = Annotated[TextMap, AfterValidator(_check)]
"""Headers by name, without those that the protocol sets."""
