"""Masks the secrets of a configuration document, so that it can be shown."""

import re
from typing import Any

_SECRET_KEYS = frozenset(
    {
        "password",
        "credentials",
        "key",
        "secrets",
        "client_secret",
        "bearer_token",
        "token",
        "secret_key",
        "application_credential_secret",
    }
)
_URL_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]*(?=@)")


def mask_secrets(data: Any) -> Any:
    """Return a part of a document with each secret replaced by `<secret>`."""
    match data:
        case dict():
            return {
                key: "<secret>" if key in _SECRET_KEYS and value else mask_secrets(value)
                for key, value in data.items()
            }
        case list():
            return [mask_secrets(item) for item in data]
        case str():
            return _URL_PASSWORD.sub(r"\1:<secret>", data)
    return data
