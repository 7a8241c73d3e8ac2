"""An `alertmanager.yml` as the server uses it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from alerting.errors import RoutingFileError
from alerting.routing.configuration import RoutingConfiguration
from alerting.routing.files.http_config import HttpSection
from alerting.routing.files.loader import load_routing_file
from alerting.templates.library import TemplateLibrary
from model.documents import Document, Place, parse_document

CheckHttp = Callable[[HttpSection], Iterable[tuple[Place, str]]]
"""Returns what the HTTP client cannot do of a section: the place in it, and a message."""


@dataclass(frozen=True, slots=True)
class RoutingFile:
    """A file, its configuration and its templates.

    Attributes:
        path: the file.
        configuration: what it says.
        library: its templates.
        warnings: keys without an effect, each with its place.
    """

    path: Path
    configuration: RoutingConfiguration
    library: TemplateLibrary
    warnings: tuple[str, ...] = ()


def read_routing_file(path: Path, check_http: CheckHttp = lambda _: ()) -> RoutingFile:
    """Return a file that the server can use; reads files.

    Args:
        path: the file.
        check_http: checks each `http_config`.

    Raises:
        RoutingFileError: the file is invalid, or needs what Redshank cannot do.
    """
    configuration, library = load_routing_file(path)
    document = parse_document(configuration.original, str(path), plain_text=True)
    problems = _http_problems(document, configuration, check_http)
    if problems:
        raise RoutingFileError(path, problems)
    return RoutingFile(path, configuration, library, tuple(_warnings(document, path)))


def _warnings(document: Document, path: Path) -> Iterator[str]:
    """Yield the keys without an effect."""
    for number, receiver in enumerate(document.data["receivers"]):
        for index, slack in enumerate(receiver.get("slack_configs") or ()):
            if slack and slack.get("update_message") in ("true", "yes", "on"):
                place: Place = ("receivers", number, "slack_configs", index, "update_message")
                name = ".".join(map(str, place))
                reason = "has no effect: each notification is a message of its own"
                yield f"{path}:{document.line(place)}: {name} {reason}"


def _http_problems(
    document: Document, configuration: RoutingConfiguration, check: CheckHttp
) -> list[tuple[int, str]]:
    """Return what the HTTP client cannot do, each problem of a section once."""
    shared: Place = ("global", "http_config")
    problems: dict[tuple[int, str], None] = {}
    for number, receiver in enumerate(document.data["receivers"]):
        counts: dict[str, int] = {}
        for each in configuration.integrations[receiver["name"]]:
            index = counts[each.kind] = counts.get(each.kind, -1) + 1
            own: Place = ("receivers", number, f"{each.kind}_configs", index, "http_config")
            section = getattr(each.section, "http_config", None)
            for place, message in check(section) if section is not None else ():
                where = own if own in document.lines else shared
                name = ".".join(map(str, (*where, *place)))
                problems[document.line((*where, *place)), f"{name}: {message}"] = None
    return list(problems)
