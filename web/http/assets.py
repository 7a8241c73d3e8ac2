"""Static files: read once at start-up and served from memory.

A URL carries the file's hash, so that browsers keep it for good and ask anew after an
upgrade. Names are keys of a dictionary: there is no path to climb out of.
"""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

from aiohttp import web

from web.http.errors import MissingError
from web.http.routing import Access, Route, Surface

FOLDER: Final = Path(__file__).parents[1] / "static"
PATH: Final = "/static/{path:.+}"

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
"""Files of other kinds (licences, the manifest) are not served."""

_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file; `packed` is its gzip form where that is smaller."""

    content_type: str
    body: bytes
    packed: bytes | None
    etag: str


class Assets:
    """Every static file, by its path under `static/`."""

    def __init__(self, files: Mapping[str, Asset]) -> None:
        self._files = MappingProxyType(dict(files))

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "Assets":
        """Read all files of a folder; blocks."""
        files: dict[str, Asset] = {}
        paths = [path for path in folder.rglob("*") if path.suffix in _TYPES]
        # Style sheets last: they name other files, whose hashes they then carry.
        for path in sorted(paths, key=lambda path: path.suffix == ".css"):
            body = path.read_bytes()
            if path.suffix == ".css":
                for name, asset in files.items():
                    body = body.replace(
                        f'url("{name}")'.encode(), f'url("{name}?v={asset.etag}")'.encode()
                    )
            name = str(path.relative_to(folder))
            files[name] = _asset(body, _TYPES[path.suffix])
        return cls(files)

    def url(self, name: str) -> str:
        """Return the URL of a file; KeyError if there is no such file."""
        return f"/static/{name}?v={self._files[name].etag}"

    def routes(self) -> tuple[Route, ...]:
        """Return the one route that serves them all."""
        return (Route("GET", PATH, self.serve, Access.PUBLIC, Surface.JSON),)

    async def serve(self, request: web.Request) -> web.Response:
        """Serve a file."""
        asset = self._files.get(request.match_info["path"])
        if asset is None:
            raise MissingError("there is no such file")
        headers = {
            "ETag": f'"{asset.etag}"',
            "Vary": "Accept-Encoding",
            "Cache-Control": _FOREVER if request.query.get("v") == asset.etag else "no-cache",
        }
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        body = asset.body
        if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"], body = "gzip", asset.packed
        return web.Response(body=body, headers=headers)


def _asset(body: bytes, content_type: str) -> Asset:
    packed = gzip.compress(body, mtime=0)
    return Asset(
        content_type,
        body,
        packed if len(packed) < len(body) * 0.9 else None,
        hashlib.sha256(body).hexdigest()[:16],
    )
