"""Finds the host and the check that a path names."""

from aiohttp import web

from alerting.check_settings import CheckName
from web.fleet.fleet import Fleet
from web.fleet.hosts import FleetHost
from web.http.errors import MissingError


async def find_host(fleet: Fleet, request: web.Request) -> FleetHost:
    """Return the host in the path.

    Raises:
        MissingError: there is no such host.
    """
    key = request.match_info["key"]
    host = await fleet.host(key)
    if host is None:
        raise MissingError(f"there is no host {key!r}")
    return host


def check_name(request: web.Request) -> str:
    """Return the name of the check in the path.

    Raises:
        MissingError: there is no such check.
    """
    name = request.match_info["check"]
    if name not in set(CheckName):
        raise MissingError(f"there is no check {name!r}")
    return name
