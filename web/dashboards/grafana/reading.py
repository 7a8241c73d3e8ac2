"""Grafana's JSON as a dashboard. What is not drawn is listed at its panel."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from web.dashboards.definition import (
    COLUMNS,
    Dashboard,
    DashboardPanel,
    DashboardVariable,
    PanelKind,
    PanelPlace,
    VariableKind,
)
from web.dashboards.grafana.documents import (
    GrafanaDashboard,
    GrafanaPanel,
    GrafanaPlace,
    GrafanaRow,
    GrafanaVariable,
)
from web.dashboards.grafana.panels import dashboard_panel
from web.dashboards.grafana.parts import links_of
from web.dashboards.parts import Refresh, TimeText
from web.http.errors import BadRequestError

# Rows of an old version have 12 columns, and heights in pixels: some 38 px are a row of the grid.
_OLD_COLUMNS: Final = 12
_ROW_PX: Final = 38
_OLD_HEIGHT: Final = 7
_TALLEST: Final = 200
_LOWEST: Final = 100_000


def dashboard_of_grafana(data: Any) -> tuple[Dashboard, str]:
    """Return the dashboard, and its uid ("" for none).

    Args:
        data: the decoded JSON: the dashboard itself, or the answer of Grafana's API around it.

    Raises:
        BadRequestError: it is no dashboard.
        ValidationError: a field is invalid or beyond a bound; the error names it.
    """
    if isinstance(data, dict) and isinstance(data.get("dashboard"), dict):
        data = data["dashboard"]
    if not isinstance(data, dict):
        raise BadRequestError("the body must be a dashboard, a JSON object")
    if "elements" in data or "spec" in data:
        raise BadRequestError(
            "this is Grafana's schema of version 2; export the dashboard as classic JSON",
            "spec" if "spec" in data else "elements",
        )
    source = GrafanaDashboard.model_validate(data)
    found = Dashboard.model_validate(
        {
            "title": source.title,
            "description": source.description,
            "tags": [tag[:100] for tag in source.tags if tag.strip()],
            "start": _valid(TimeText, source.time.from_, "now-6h"),
            "end": _valid(TimeText, source.time.to, "now"),
            "refresh": _valid(Refresh, source.refresh, ""),
            "variables": [_variable(each) for each in source.templating.variables if each.name],
            "panels": _numbered([*_panels(source.panels), *_old_rows(source.rows)]),
            "links": links_of(source.links),
        }
    )
    return found, source.uid


def _valid(kind: Any, value: object, fallback: str) -> str:
    try:
        return str(TypeAdapter(kind).validate_python(value))
    except ValidationError:
        return fallback


def _numbered(panels: Sequence[DashboardPanel]) -> list[DashboardPanel]:
    """Return the panels with unique ids; those of Grafana stay where they are unique."""
    seen: set[int] = set()
    free = max((panel.id for panel in panels), default=0)
    numbered = []
    for panel in panels:
        number = panel.id
        if number in seen or number == 0:
            free = number = free + 1
        seen.add(number)
        numbered.append(panel.model_copy(update={"id": number}))
    return numbered


def _panels(sources: Sequence[GrafanaPanel]) -> Iterator[DashboardPanel]:
    """Yield the panels in the order of their places; a collapsed row's after the row."""
    for source, place in _by_place(sources):
        yield dashboard_panel(source, place)
        if source.type == "row":
            yield from (dashboard_panel(inner, at) for inner, at in _by_place(source.panels))


def _by_place(sources: Sequence[GrafanaPanel]) -> list[tuple[GrafanaPanel, PanelPlace]]:
    """Return the panels with their places, in order; those without a place come last."""
    placed = [(one, _place(one.gridPos)) for one in sources if one.gridPos]
    y = max((place.y + place.h for _, place in placed), default=0)
    for one in sources:
        if not one.gridPos:
            placed.append((one, PanelPlace(y=min(y, _LOWEST))))
            y += PanelPlace().h
    return sorted(placed, key=lambda each: (each[1].y, each[1].x))


def _place(given: GrafanaPlace) -> PanelPlace:
    width = min(max(given.w, 1), COLUMNS)
    return PanelPlace(
        x=min(max(given.x, 0), COLUMNS - width),
        y=min(max(given.y, 0), _LOWEST),
        w=width,
        h=min(max(given.h, 1), _TALLEST),
    )


def _old_rows(rows: Sequence[GrafanaRow]) -> Iterator[DashboardPanel]:
    """Yield the panels of an old version, each row of them below the one before."""
    y = 0
    for row in rows:
        if row.title or row.repeat:
            place = PanelPlace(x=0, y=min(y, _LOWEST), w=COLUMNS, h=1)
            yield DashboardPanel(
                kind=PanelKind.ROW,
                title=row.title[:500],
                place=place,
                collapsed=row.collapse,
                repeat=row.repeat if re.fullmatch(r"\w{0,100}", row.repeat) else "",
                original="row",
            )
            y += 1
        x, tallest = 0, 0
        for source in row.panels:
            width = round((source.span or _OLD_COLUMNS) * COLUMNS / _OLD_COLUMNS)
            width = min(max(width, 1), COLUMNS)
            if x + width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            height = _old_height(source.height or row.height)
            yield dashboard_panel(source, PanelPlace(x=x, y=min(y, _LOWEST), w=width, h=height))
            x, tallest = x + width, max(tallest, height)
        y += tallest


def _old_height(given: Any) -> int:
    digits = re.match(r"\d{1,5}", str(given)) if given is not None else None
    return min(max(round(int(digits[0]) / _ROW_PX), 1), _TALLEST) if digits else _OLD_HEIGHT


def _variable(source: GrafanaVariable) -> DashboardVariable:
    is_known = source.type in set(VariableKind)
    kind = VariableKind(source.type) if is_known else VariableKind.CONSTANT
    return DashboardVariable.model_validate(
        {
            "name": source.name,
            "kind": kind,
            "label": source.label[:500],
            "query": source.query if is_known else "",
            "regex": source.regex,
            "multi": source.multi,
            "include_all": source.includeAll,
            "all_value": source.allValue,
            "current": source.current.value,
            "sort": source.sort if 0 <= source.sort <= 8 else 0,
            "hidden": source.hide == 2 or not is_known,
        }
    )
