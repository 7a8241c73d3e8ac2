"""Static files: read once at start-up and served from memory.

A URL contains the hash of all files as a folder: `/static/<version>/explore/page.js`.
Browsers cache such a file forever; relative imports and `url()` stay in the same version.
Files are looked up in a dictionary, so no path leads out of the folder.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import normpath
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

_IMPORT: Final = re.compile(rb"""^(?:import|export)\b[^;'"]*["'](\.[^'"]+)["'];""", re.MULTILINE)
"""A static import of one of our modules; `import()` loads a module only when it runs."""

_JOINT: Final = "+"
"""Joins the names of style sheets that are served as one, each with `~` for `/`."""

_MOST_JOINED: Final = 12

_VERSION: Final = re.compile(r"([0-9a-f]{16})/")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, in one of two forms.

    Attributes:
        body: the file, None if it is packed: hardly any client asks for it without gzip.
        packed: its gzip form, None if that saves less than a tenth.
        imports: the modules that a module imports, relative to its folder.
    """

    content_type: str
    body: bytes | None
    packed: bytes | None
    etag: str
    imports: tuple[str, ...] = ()

    def unpacked(self) -> bytes:
        """Return the file; blocks for some milliseconds if it is large."""
        return gzip.decompress(self.packed or b"") if self.body is None else self.body


class Assets:
    """All static files, by their path under `static/`.

    Attributes:
        version: the hash of all files.
    """

    def __init__(self, files: Mapping[str, Asset]) -> None:
        self._files = MappingProxyType(dict(files))
        self._joined: dict[str, Asset] = {}
        etags = "\n".join(f"{name} {asset.etag}" for name, asset in sorted(files.items()))
        self.version = _hash(etags.encode())

    @classmethod
    def read(cls, folder: Path = FOLDER) -> "Assets":
        """Read the files of a folder; blocks."""
        return cls(
            {
                str(path.relative_to(folder)): _asset(path.read_bytes(), _TYPES[path.suffix])
                for path in folder.rglob("*")
                if path.suffix in _TYPES
            }
        )

    def url(self, name: str) -> str:
        """Return the URL of a file.

        Raises:
            KeyError: there is no such file.
        """
        if name not in self._files:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    def joined_url(self, *names: str) -> str:
        """Return the URL of one style sheet with the text of several, in order.

        Raises:
            KeyError: there is no such file.
        """
        name = _JOINT.join(each.replace("/", "~") for each in names)
        if name not in self._joined:
            self._joined[name] = self._join(name)
        return f"/static/{self.version}/{name}"

    def _join(self, name: str) -> Asset:
        """Return the style sheet that holds several; takes about a millisecond.

        Raises:
            KeyError: there is no such file.
        """
        files = [each.replace("~", "/") for each in name.split(_JOINT)]
        if len(files) > _MOST_JOINED or not all(each.endswith(".css") for each in files):
            raise KeyError(name)
        bodies = [self._files[each].unpacked() for each in files]
        return _asset(b"\n".join(bodies), _TYPES[".css"])

    def imported(self, name: str) -> list[str]:
        """Return the modules that a module needs before it runs, by their path.

        A browser that is told of all of them loads them side by side; without that, it
        learns of each only after loading the one that imports it.

        Raises:
            KeyError: a module imports a file that does not exist.
        """
        found: dict[str, None] = {}
        waiting = [name]
        while waiting:
            folder, asset = PurePosixPath(waiting[0]).parent, self._files[waiting.pop(0)]
            own = [normpath(folder / each) for each in asset.imports]
            waiting += [each for each in own if each not in found]
            found |= dict.fromkeys(own)
        return list(found)

    def routes(self) -> tuple[Route, ...]:
        """Return the route of all files."""
        return (Route("GET", PATH, self.serve, Access.PUBLIC, Surface.JSON),)

    async def serve(self, request: web.Request) -> web.Response:
        """Serve a file.

        A URL without a version or with an old one gets the current file; the browser must
        revalidate it before each use.
        """
        path = request.match_info["path"]
        versioned = _VERSION.match(path)
        is_current = versioned is not None and versioned[1] == self.version
        name = path[versioned.end() :] if versioned else path
        return await self.response(request, name, _FOREVER if is_current else "no-cache")

    async def response(self, request: web.Request, name: str, cache_control: str) -> web.Response:
        """Return a file as the answer to a request.

        Raises:
            MissingError: there is no such file.
        """
        asset = self._files.get(name) or self._joined.get(name)
        if asset is None and _JOINT in name:
            # A page of the server's run before this one has the address.
            with suppress(KeyError):
                asset = await asyncio.to_thread(self._join, name)
        if asset is None:
            raise MissingError("there is no such file")
        headers = {
            "ETag": f'"{asset.etag}"',
            "Vary": "Accept-Encoding",
            "Cache-Control": cache_control,
        }
        if any(tag.value == asset.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = asset.content_type
        if asset.packed is not None and "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=asset.packed, headers=headers)
        return web.Response(body=await asyncio.to_thread(asset.unpacked), headers=headers)


def _asset(body: bytes, content_type: str) -> Asset:
    packed = gzip.compress(body, mtime=0)
    is_worth_it = len(packed) < len(body) * 0.9
    return Asset(
        content_type,
        None if is_worth_it else body,
        packed if is_worth_it else None,
        _hash(body),
        imports=_imports(body) if content_type == _TYPES[".js"] else (),
    )


def _imports(module: bytes) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.decode() for each in _IMPORT.findall(module)))


def _hash(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:16]
