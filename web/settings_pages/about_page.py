"""The page about this server: version, store, and the licences of what it uses."""

import asyncio
import importlib.metadata
import json
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aiohttp import web

from web.http.pages import Page
from web.http.routing import Access, Route
from web.live.shell import Shell
from web.services import Services

ABOUT: Final = Page(
    path="/settings/about",
    title="About",
    template="settings_pages/about_page.html",
    access=Access.USER,
    parent="/settings",
)
_VENDORED: Final = Path(__file__).parents[1] / "static" / "vendor" / "manifest.json"
_REQUIRED: Final = re.compile(r"[A-Za-z0-9._-]+")
_FOR_DEVELOPERS: Final = re.compile(r"""extra\s*==\s*["']dev""")
_LONGEST_LICENCE: Final = 60


@dataclass(frozen=True, slots=True)
class UsedSoftware:
    """A library or a vendored file that this server uses; `licence` is "" if it names none."""

    name: str
    version: str
    licence: str


class AboutPages:
    """Shows what this server is."""

    def __init__(self, services: Services, shell: Shell) -> None:
        self._services, self._shell = services, shell
        self._used: tuple[UsedSoftware, ...] | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (self._shell.route(ABOUT, self.show),)

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        if self._used is None:
            self._used = await asyncio.to_thread(used_software)
        stats = await asyncio.to_thread(self._services.samples.stats)
        return await self._shell.page(
            request,
            ABOUT,
            python=platform.python_version(),
            system=await asyncio.to_thread(platform.platform, terse=True),
            started_ms=self._services.started_ms,
            stats=stats,
            disk_bytes=sum(window.size_bytes for window in stats.windows),
            retention=self._services.configuration.retention,
            used=self._used,
        )


def used_software() -> tuple[UsedSoftware, ...]:
    """Return the installed libraries of Redshank and the vendored files; reads the disk."""
    found = []
    for requirement in importlib.metadata.requires("redshank") or ():
        name = _REQUIRED.match(requirement)
        if name is None or _FOR_DEVELOPERS.search(requirement):
            continue
        try:
            metadata = importlib.metadata.metadata(name[0])
        except importlib.metadata.PackageNotFoundError:
            continue
        found.append(UsedSoftware(metadata["Name"], metadata["Version"], _licence(metadata)))
    unique = {each.name.lower(): each for each in found}
    return (*sorted(unique.values(), key=lambda each: each.name.lower()), *_vendored())


def _licence(metadata: importlib.metadata.PackageMetadata) -> str:
    given = metadata.get_all("License-Expression") or []
    classified = [
        each.rpartition(" :: ")[2]
        for each in metadata.get_all("Classifier") or []
        if each.startswith("License :: OSI Approved :: ")
    ]
    texts = [
        each
        for each in metadata.get_all("License") or []
        if len(each) <= _LONGEST_LICENCE and "\n" not in each
    ]
    return next(iter([*given, *classified, *texts]), "")


def _vendored() -> tuple[UsedSoftware, ...]:
    return tuple(
        UsedSoftware(each["name"], each["version"], each["license"])
        for each in json.loads(_VENDORED.read_text("utf-8"))
    )
