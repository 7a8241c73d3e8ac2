"""From the text of an `alertmanager.yml` to a routing configuration."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerting.errors import RoutingFileError, TemplateError
from alerting.routing.configuration import Integration, RoutingConfiguration
from alerting.routing.files.inherited import completed, integrations
from alerting.routing.files.sections import (
    RECEIVER_SECTIONS,
    AlertmanagerSection,
    InhibitSection,
    RouteSection,
)
from alerting.routing.inhibition import InhibitRule
from alerting.routing.tree import AlertRoute, matchers_key
from alerting.templates.library import TemplateLibrary
from model.documents import Document, DocumentError, Place, parse_document, validate
from model.matchers import Matcher
from model.process.regular_files import read_regular_text

# The order in which Alertmanager builds and notifies the integrations of a receiver.
KINDS = (
    "webhook",
    "email",
    "pagerduty",
    "opsgenie",
    "wechat",
    "slack",
    "victorops",
    "pushover",
    "sns",
    "telegram",
    "discord",
    "webex",
    "msteams",
    "msteamsv2",
    "jira",
    "incidentio",
    "rocketchat",
    "mattermost",
)
assert set(KINDS) == {kind.kind for kind in RECEIVER_SECTIONS}  # noqa: S101 - a new kind has a place


def load_routing_file(path: Path) -> tuple[RoutingConfiguration, TemplateLibrary]:
    """Return the configuration of an `alertmanager.yml` and its templates; reads files.

    Raises:
        RoutingFileError: the file or a template file cannot be read or is invalid.
    """
    try:
        text = read_regular_text(path)
    except (OSError, UnicodeDecodeError) as exc:
        raise RoutingFileError(path, [(0, f"cannot be read: {exc}")]) from exc
    configuration = parse_routing(text, path)
    try:
        library = TemplateLibrary.from_files(configuration.templates, path.parent)
    except TemplateError as exc:
        raise RoutingFileError(path, [(0, f"templates: {exc}")]) from exc
    return configuration, library


def parse_routing(text: str, path: Path) -> RoutingConfiguration:
    """Return the configuration that a text describes.

    Raises:
        RoutingFileError: the text is invalid; the error lists every problem with its line.
    """
    try:
        document = parse_document(text, str(path), plain_text=True)
        section = validate(AlertmanagerSection, document)
    except DocumentError as exc:
        raise RoutingFileError(path, exc.problems) from exc
    return _RoutingFile(document, section, path, text).configuration()


class _RoutingFile:
    """Checks what no section can check by itself, and builds the configuration."""

    def __init__(
        self, document: Document, section: AlertmanagerSection, path: Path, text: str
    ) -> None:
        self._document, self._section, self._path, self._text = document, section, path, text
        self._problems: list[tuple[int, str]] = []

    def configuration(self) -> RoutingConfiguration:
        section = self._section
        receivers = self._receivers()
        intervals = self._intervals()
        root = section.route
        if root is None:
            self._refuse((), "route: no route is given")
        else:
            self._check_root(root)
            self._check_names(root, ("route",), set(receivers), set(intervals))
        if self._problems or root is None:
            raise RoutingFileError(self._path, self._problems)
        return RoutingConfiguration(
            route=built_route(root),
            integrations=receivers,
            inhibit_rules=tuple(map(_inhibit_rule, section.inhibit_rules)),
            time_intervals=intervals,
            templates=section.templates,
            resolve_timeout_ms=section.global_section.resolve_timeout,
            original=self._text,
        )

    def _refuse(self, place: Place, message: str) -> None:
        self._problems.append((self._document.line(place), message))

    def _receivers(self) -> dict[str, tuple[Integration, ...]]:
        found: dict[str, tuple[Integration, ...]] = {}
        for number, receiver in enumerate(self._section.receivers):
            place: Place = ("receivers", number)
            if receiver.name in found:
                self._refuse(
                    (*place, "name"), f'receivers: the name "{receiver.name}" stands twice'
                )
            found[receiver.name] = tuple(self._integrations(receiver, place))
        return found

    def _integrations(self, receiver: Any, place: Place) -> Iterator[Integration]:
        for kind, index, own in integrations(receiver, KINDS):
            inner = (*place, f"{kind}_configs", index)
            try:
                section = completed(own, self._section.global_section)
            except ValueError as exc:
                where = ".".join(map(str, inner))
                self._refuse(inner, f"{where}: {exc}")
                continue
            yield Integration(
                f"{receiver.name}/{kind}[{index}]",
                receiver.name,
                kind,
                section.send_resolved,
                section,
            )

    def _intervals(self) -> dict[str, tuple[Any, ...]]:
        found: dict[str, tuple[Any, ...]] = {}
        for key in ("mute_time_intervals", "time_intervals"):
            for number, named in enumerate(getattr(self._section, key)):
                if named.name in found:
                    self._refuse((key, number, "name"), f'{key}: "{named.name}" stands twice')
                found[named.name] = tuple(each.interval() for each in named.time_intervals)
        return found

    def _check_root(self, root: RouteSection) -> None:
        if not root.receiver:
            self._refuse(("route",), "route: the root needs a receiver")
        for key in ("match", "match_re", "matchers", "mute_time_intervals"):
            if getattr(root, key):
                self._refuse(("route", key), f"route.{key}: the root takes all alerts at all times")
        if root.active_time_intervals:
            place = ("route", "active_time_intervals")
            self._refuse(place, "route.active_time_intervals: the root takes alerts at all times")
        if root.proceeds:
            self._refuse(("route", "continue"), "route.continue: the root has no siblings")

    def _check_names(
        self, route: RouteSection, place: Place, receivers: set[str], intervals: set[str]
    ) -> None:
        where = ".".join(map(str, place))
        if route.receiver and route.receiver not in receivers:
            message = f'{where}.receiver: there is no receiver "{route.receiver}"'
            self._refuse((*place, "receiver"), message)
        for key in ("mute_time_intervals", "active_time_intervals"):
            for number, name in enumerate(getattr(route, key)):
                if name not in intervals:
                    message = f'{where}.{key}: there is no time interval "{name}"'
                    self._refuse((*place, key, number), message)
        for number, inner in enumerate(route.routes):
            self._check_names(inner, (*place, "routes", number), receivers, intervals)


def _matchers(
    equal: dict[str, str], patterns: dict[str, str], parsed: tuple[Matcher, ...]
) -> tuple[Matcher, ...]:
    return (
        *(Matcher.of(name, "=", value) for name, value in equal.items()),
        # Anchored as in Alertmanager, where the text is part of the keys of groups.
        *(Matcher.of(name, "=~", f"^(?:{value})$") for name, value in patterns.items()),
        *parsed,
    )


def _inhibit_rule(section: InhibitSection) -> InhibitRule:
    return InhibitRule(
        section.name,
        _matchers(section.source_match, section.source_match_re, section.source_matchers),
        _matchers(section.target_match, section.target_match_re, section.target_matchers),
        section.equal,
    )


_DEFAULT_ROUTE = AlertRoute(key="", id="", receiver="")


def built_route(section: RouteSection) -> AlertRoute:
    """Return the tree of a section without a parent."""
    return _built(section, _DEFAULT_ROUTE, None)


def _built(section: RouteSection, parent: AlertRoute, number: int | None) -> AlertRoute:
    matchers = _matchers(section.match, section.match_re, section.matchers)
    own = matchers_key(matchers)
    key = own if number is None else f"{parent.key}/{own}"
    route_id = own if number is None else f"{parent.id}/{own}/{number}"
    group_by: tuple[str, ...] | None = parent.group_by
    if section.group_by:
        group_by = None if "..." in section.group_by else section.group_by
    route = AlertRoute(
        key=key,
        id=route_id,
        receiver=section.receiver or parent.receiver,
        matchers=matchers,
        group_by=group_by,
        group_wait_ms=_first(section.group_wait, parent.group_wait_ms),
        group_interval_ms=_first(section.group_interval, parent.group_interval_ms),
        repeat_interval_ms=_first(section.repeat_interval, parent.repeat_interval_ms),
        mute_time_intervals=section.mute_time_intervals,
        active_time_intervals=section.active_time_intervals,
        proceeds=section.proceeds,
    )
    return replace(
        route,
        routes=tuple(_built(each, route, index) for index, each in enumerate(section.routes)),
    )


def _first(own: int | None, inherited: int) -> int:
    return inherited if own is None else own
