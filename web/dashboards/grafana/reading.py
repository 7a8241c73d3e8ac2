"""Grafana's JSON as a dashboard. What is not drawn is listed at its panel."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from web.dashboards.definition import (
    COLUMNS,
    STEP_PATTERN,
    Dashboard,
    DashboardPanel,
    DashboardVariable,
    PanelKind,
    PanelLink,
    PanelPlace,
    PanelQuery,
    PanelThreshold,
    Reduction,
    Refresh,
    TimeText,
    VariableKind,
)
from web.dashboards.grafana.documents import (
    GrafanaDashboard,
    GrafanaLink,
    GrafanaPanel,
    GrafanaPlace,
    GrafanaRow,
    GrafanaTarget,
    GrafanaVariable,
)
from web.http.errors import BadRequestError

_KINDS: Final = {
    "timeseries": PanelKind.TIME_SERIES,
    "graph": PanelKind.TIME_SERIES,
    "barchart": PanelKind.TIME_SERIES,
    "stat": PanelKind.STAT,
    "singlestat": PanelKind.STAT,
    "gauge": PanelKind.GAUGE,
    "bargauge": PanelKind.BAR_GAUGE,
    "piechart": PanelKind.BAR_GAUGE,
    "grafana-piechart-panel": PanelKind.BAR_GAUGE,
    "table": PanelKind.TABLE,
    "table-old": PanelKind.TABLE,
    "heatmap": PanelKind.HEAT_MAP,
    "state-timeline": PanelKind.STATE_TIMELINE,
    "status-history": PanelKind.STATE_TIMELINE,
    "text": PanelKind.TEXT,
    "row": PanelKind.ROW,
}
_AS_ANOTHER: Final = {
    "barchart": "drawn as a time series",
    "piechart": "pie drawn as bars",
    "grafana-piechart-panel": "pie drawn as bars",
}
_REDUCTIONS: Final = {
    "lastNotNull": Reduction.LAST,
    "last": Reduction.LAST,
    "current": Reduction.LAST,
    "first": Reduction.FIRST,
    "firstNotNull": Reduction.FIRST,
    "mean": Reduction.MEAN,
    "avg": Reduction.MEAN,
    "min": Reduction.MIN,
    "max": Reduction.MAX,
    "sum": Reduction.SUM,
    "total": Reduction.SUM,
    "count": Reduction.COUNT,
    "range": Reduction.RANGE,
}
_PROMQL_SOURCES: Final = {"", "prometheus", "datasource", "grafana", "-- Mixed --"}
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
            "links": _links(source.links),
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
        yield _panel(source, place)
        if source.type == "row":
            yield from (_panel(inner, at) for inner, at in _by_place(source.panels))


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
            yield _panel(source, PanelPlace(x=x, y=min(y, _LOWEST), w=width, h=height))
            x, tallest = x + width, max(tallest, height)
        y += tallest


def _old_height(given: Any) -> int:
    digits = re.match(r"\d{1,5}", str(given)) if given is not None else None
    return min(max(round(int(digits[0]) / _ROW_PX), 1), _TALLEST) if digits else _OLD_HEIGHT


def _panel(source: GrafanaPanel, place: PanelPlace) -> DashboardPanel:
    kind = _KINDS.get(source.type, PanelKind.UNSUPPORTED)
    defaults = source.fieldConfig.defaults
    axis = source.yaxes[0] if source.yaxes else None
    calcs = source.options.reduceOptions.calcs or [source.valueName]
    shown = source.options.legend if source.type != "graph" else source.legend
    decimals = defaults.decimals
    return DashboardPanel(
        id=source.id,
        kind=kind,
        title=source.title[:500],
        description=source.description,
        place=place,
        queries=tuple(_query(each, source.interval) for each in source.targets if each.expr),
        unit=(defaults.unit or (axis.format if axis else "") or _old_unit(source))[:100],
        decimals=int(decimals) if decimals is not None and 0 <= decimals <= 20 else None,
        min=defaults.min if axis is None or defaults.min is not None else axis.min,
        max=defaults.max if axis is None or defaults.max is not None else axis.max,
        thresholds=tuple(
            PanelThreshold(value=step.value if index else None, color=step.color[:50])
            for index, step in enumerate(defaults.thresholds.steps)
        ),
        percent=defaults.thresholds.mode == "percentage",
        reduce=_REDUCTIONS.get(calcs[0], Reduction.LAST),
        stacked=source.stack or defaults.custom.stacking.mode in ("normal", "percent"),
        legend=shown.show and shown.showLegend and shown.displayMode != "hidden",
        text=source.options.content or source.content,
        collapsed=source.collapsed,
        repeat=source.repeat if re.fullmatch(r"\w{0,100}", source.repeat) else "",
        repeat_down=source.repeatDirection == "v",
        links=_links(source.links),
        original=source.type[:500],
        unsupported=tuple(_unsupported(source, kind)),
    )


def _old_unit(source: GrafanaPanel) -> str:
    return source.format if source.type == "singlestat" else ""


def _query(target: GrafanaTarget, panel_step: str) -> PanelQuery:
    step = target.interval or panel_step
    return PanelQuery(
        ref=target.refId[:100],
        expr=target.expr,
        legend="" if target.legendFormat == "__auto" else target.legendFormat,
        step=step if re.match(STEP_PATTERN, step) else "",
        instant=target.instant and not target.range,
        hidden=target.hide,
    )


def _unsupported(source: GrafanaPanel, kind: PanelKind) -> Iterator[str]:
    if kind is PanelKind.UNSUPPORTED:
        yield f"type {source.type or 'of no name'}"[:500]
    if source.type in _AS_ANOTHER:
        yield _AS_ANOTHER[source.type]
    if source.libraryPanel is not None:
        yield "library panel"
    if any(not target.expr for target in source.targets) and kind is not PanelKind.TEXT:
        yield "query without PromQL"
    sources = {_source_kind(each.datasource or source.datasource) for each in source.targets}
    yield from (f"data source {name}"[:500] for name in sorted(sources - _PROMQL_SOURCES)[:5])
    names = dict.fromkeys(each.id for each in source.transformations if each.id)
    yield from (f"transformation {name}"[:500] for name in list(names)[:20])
    if source.fieldConfig.overrides:
        yield "overrides of fields"
    if source.fieldConfig.defaults.mappings:
        yield "value mappings"
    if kind is PanelKind.TEXT and source.options.mode == "html":
        yield "HTML, shown as text"


def _source_kind(given: Any) -> str:
    return str(given.get("type") or "") if isinstance(given, dict) else ""


def _links(sources: Sequence[GrafanaLink]) -> tuple[PanelLink, ...]:
    return tuple(PanelLink(title=each.title[:500], url=each.url) for each in sources if each.url)


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
