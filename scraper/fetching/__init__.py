"""Fetches expositions over HTTP."""

__all__ = [
    "address_policy",
    "fetch",
    "http_access",
    "http_session",
    "protocols",
    "targets",
]
