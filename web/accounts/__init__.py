"""Who is there: passwords, second factors, login throttling, sessions, tokens and keys."""

__all__ = [
    "authentication",
    "first_admin",
    "keys",
    "passwords",
    "proxy_login",
    "second_factor",
    "throttle",
]
