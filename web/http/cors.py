"""Cross-origin requests: which other sites' pages may use the API from a browser.

Nothing is allowed unless the configuration names origins. Pages and static files are
never opened to other origins, only what programs use.

Source: WHATWG Fetch standard, "CORS protocol".
"""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from yarl import URL

ANY: Final = "*"

_EXPOSED: Final = ", ".join(
    (
        "X-Request-ID",
        "Location",
        "Retry-After",
        "RateLimit-Limit",
        "RateLimit-Remaining",
        "RateLimit-Reset",
        "RateLimit-Policy",
    )
)
"""Headers that scripts may read beyond those that they always may."""

_REQUEST_HEADERS: Final = ", ".join(
    ("Authorization", "Content-Type", "Content-Encoding", "X-API-Key", "X-Request-ID")
)


class CorsSettings(BaseModel):
    """Who may use the API from pages of another origin.

    Attributes:
        origins: such as `https://app.example.com`, or `*` alone for all.
        credentials: whether a browser may send its session cookie along; only to
            origins that are named, whose pages can then do all that the user can.
        paths: beginnings of the paths that are opened.
        max_age_s: how long a browser may remember what it was told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    origins: tuple[str, ...] = ()
    credentials: bool = False
    paths: tuple[str, ...] = ("/",)
    max_age_s: int = Field(default=600, ge=0, le=86_400)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(origin if origin == ANY else _normal(origin) for origin in origins)

    @field_validator("paths")
    @classmethod
    def _begin_at_the_root(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not path.startswith("/"):
                raise ValueError(f'"{path}" must begin with /')
        return paths

    @model_validator(mode="after")
    def _all_without_credentials(self) -> Self:
        if ANY in self.origins and (self.credentials or len(self.origins) > 1):
            raise ValueError('"*" stands alone in origins, and without credentials')
        return self

    def opens(self, path: str) -> bool:
        """Tell whether anything at a path is opened to anybody."""
        return bool(self.origins) and path.startswith(self.paths)

    def allows(self, origin: str) -> bool:
        """Tell whether pages of an origin may use what is opened."""
        if not self.origins or origin == "null":
            return False
        if ANY in self.origins:
            return True
        try:
            return _normal(origin) in self.origins
        except ValueError:
            return False

    def trusts(self, origin: str) -> bool:
        """Tell whether pages of an origin may act with the user's session."""
        return self.credentials and self.allows(origin)

    def headers(self, origin: str | None) -> dict[str, str]:
        """Return what an answer at an opened path says to a page of `origin`."""
        if origin is None or not self.allows(origin):
            return {}
        told = {
            "Access-Control-Allow-Origin": ANY if ANY in self.origins else origin,
            "Access-Control-Expose-Headers": _EXPOSED,
        }
        if self.credentials:
            told["Access-Control-Allow-Credentials"] = "true"
        return told

    def preflight_headers(self, origin: str, methods: str) -> dict[str, str]:
        """Return what a browser is told that asks before it sends a request."""
        told = self.headers(origin)
        if told:
            del told["Access-Control-Expose-Headers"]
            told |= {
                "Access-Control-Allow-Methods": methods,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": str(self.max_age_s),
            }
        return told

    @property
    def varies(self) -> bool:
        """Whether answers differ by the origin that asks."""
        return ANY not in self.origins


def _normal(text: str) -> str:
    """Return an origin as browsers write it.

    Raises:
        ValueError: it is none: scheme and host, no path.
    """
    url = URL(text)
    if url.scheme not in ("http", "https") or not url.host or text.rstrip("/") != text:
        raise ValueError(f'"{text}" is no origin such as https://app.example.com')
    origin = url.origin()
    if url != origin:
        raise ValueError(f'"{text}" is no origin such as https://app.example.com')
    return str(origin).lower()
