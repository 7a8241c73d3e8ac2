"""One panel of Grafana as ours. What is not drawn is listed at the panel."""

import re
from collections.abc import Iterator
from typing import Any, Final

from web.dashboards.definition import (
    DashboardPanel,
    PanelKind,
    PanelPlace,
    PanelQuery,
    Reduction,
)
from web.dashboards.grafana.documents import GrafanaLegend, GrafanaPanel, GrafanaTarget
from web.dashboards.grafana.old_graphs import old_overrides, old_style
from web.dashboards.grafana.parts import links_of, mappings_of, transformations_of
from web.dashboards.grafana.styles import overrides_of, style_of_panel
from web.dashboards.parts import STEP_PATTERN, PanelThreshold
from web.dashboards.styles import FieldStyle, StyleOverride

_KINDS: Final = {
    "timeseries": PanelKind.TIME_SERIES,
    "graph": PanelKind.TIME_SERIES,
    "barchart": PanelKind.TIME_SERIES,
    "trend": PanelKind.TIME_SERIES,
    "stat": PanelKind.STAT,
    "singlestat": PanelKind.STAT,
    "gauge": PanelKind.GAUGE,
    "bargauge": PanelKind.BAR_GAUGE,
    "piechart": PanelKind.PIE,
    "grafana-piechart-panel": PanelKind.PIE,
    "table": PanelKind.TABLE,
    "table-old": PanelKind.TABLE,
    "heatmap": PanelKind.HEAT_MAP,
    "state-timeline": PanelKind.STATE_TIMELINE,
    "status-history": PanelKind.STATE_TIMELINE,
    "text": PanelKind.TEXT,
    "alertlist": PanelKind.ALERT_LIST,
    "dashlist": PanelKind.DASHBOARD_LIST,
    "row": PanelKind.ROW,
    # Not of Grafana: our own, exported and read again.
    "events": PanelKind.EVENTS,
}
_AS_ANOTHER: Final = {
    "barchart": "drawn as a time series",
    "trend": "drawn as a time series",
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
    "delta": Reduction.DELTA,
    "diff": Reduction.DIFFERENCE,
}
_PROMQL_SOURCES: Final = {"", "prometheus", "datasource", "grafana", "-- Mixed --"}
_OLD_LEGEND: Final = ("min", "max", "avg", "current", "total")
_WITHOUT_QUERIES: Final = (
    PanelKind.TEXT,
    PanelKind.ALERT_LIST,
    PanelKind.DASHBOARD_LIST,
    PanelKind.EVENTS,
)


def dashboard_panel(source: GrafanaPanel, place: PanelPlace) -> DashboardPanel:
    """Return the panel at its place."""
    kind = _KINDS.get(source.type, PanelKind.UNSUPPORTED)
    style, overrides, unsupported = _styles(source)
    transformations, missing = transformations_of(source.transformations)
    options = source.options
    return DashboardPanel.model_validate(
        {
            "id": source.id,
            "kind": kind,
            "title": source.title[:500],
            "description": source.description,
            "place": place,
            "queries": tuple(_queries(source)),
            **_measures(source),
            "stacked": source.stack
            or source.fieldConfig.defaults.custom.stacking.mode in ("normal", "percent"),
            **_legend(source),
            "style": style,
            "overrides": overrides,
            "transformations": transformations,
            "color_mode": _color_mode(source),
            "text_mode": options.textMode if options.textMode in _TEXT_MODES else "auto",
            "sparkline": options.graphMode == "area" or source.sparkline.show,
            "all_rows": options.reduceOptions.values,
            "text": _text(source, kind),
            "collapsed": source.collapsed,
            "repeat": source.repeat if re.fullmatch(r"\w{0,100}", source.repeat) else "",
            "repeat_down": source.repeatDirection == "v",
            "links": links_of(source.links),
            "original": source.type[:500],
            "unsupported": (*_unsupported(source, kind), *unsupported, *missing)[:50],
        }
    )


_TEXT_MODES: Final = ("auto", "value", "value_and_name", "name", "none")


def _color_mode(source: GrafanaPanel) -> str:
    if source.type == "singlestat":
        shown = "value" if source.colorValue else "none"
        return "background" if source.colorBackground else shown
    mode = source.options.colorMode
    return {"background_solid": "background", "none": "none"}.get(
        mode, "background" if mode == "background" else "value"
    )


def _text(source: GrafanaPanel, kind: PanelKind) -> str:
    if kind is PanelKind.DASHBOARD_LIST:
        return "\n".join(source.options.tags or source.tags)
    return source.options.content or source.content


def _measures(source: GrafanaPanel) -> dict[str, Any]:
    """Return the unit, decimals, range, thresholds and reduction of all fields."""
    defaults = source.fieldConfig.defaults
    axis = source.yaxes[0] if source.yaxes else None
    calcs = source.options.reduceOptions.calcs or [source.valueName]
    decimals = defaults.decimals if defaults.decimals is not None else source.decimals
    own = source.format if source.type == "singlestat" else ""
    return {
        "unit": (defaults.unit or (axis.format if axis else "") or own)[:100],
        "decimals": int(decimals) if decimals is not None and 0 <= decimals <= 20 else None,
        "min": defaults.min if axis is None or defaults.min is not None else axis.min,
        "max": defaults.max if axis is None or defaults.max is not None else axis.max,
        "thresholds": tuple(
            PanelThreshold(value=step.value if index else None, color=step.color[:50])
            for index, step in enumerate(defaults.thresholds.steps)
        )
        or tuple(_old_thresholds(source)),
        "percent": defaults.thresholds.mode == "percentage",
        "reduce": _REDUCTIONS.get(calcs[0], Reduction.LAST),
    }


def _old_thresholds(source: GrafanaPanel) -> Iterator[PanelThreshold]:
    """Yield the thresholds of an old single number: "80,90" and three colours."""
    if source.type != "singlestat" or not isinstance(source.thresholds, str):
        return
    bounds = re.findall(r"-?\d+(?:\.\d+)?", source.thresholds)[:49]
    for index, color in enumerate(source.colors[: len(bounds) + 1]):
        value = float(bounds[index - 1]) if index else None
        yield PanelThreshold(value=value, color=color[:50])


def _legend(source: GrafanaPanel) -> dict[str, Any]:
    old = source.type == "graph"
    legend = source.legend if old else source.options.legend
    calcs = _old_calcs(legend) if old else legend.calcs
    values = dict.fromkeys(_REDUCTIONS[each] for each in calcs if each in _REDUCTIONS)
    return {
        "legend": legend.show and legend.showLegend and legend.displayMode != "hidden",
        "legend_values": tuple(values),
        "legend_place": "right" if legend.rightSide or legend.placement == "right" else "bottom",
    }


def _old_calcs(legend: GrafanaLegend) -> tuple[str, ...]:
    if not legend.values:
        return ()
    return tuple(name for name in _OLD_LEGEND if getattr(legend, name))


def _styles(source: GrafanaPanel) -> tuple[FieldStyle, list[StyleOverride], list[str]]:
    """Return the style of all fields, the exceptions, and what is left out."""
    if source.type == "graph":
        extra = source.model_extra or {}
        colours = source.aliasColors if isinstance(source.aliasColors, dict) else {}
        overrides, missing = old_overrides(source.seriesOverrides, colours)
        newer, left_out = overrides_of(source.fieldConfig.overrides)
        style = old_style(extra)
        if source.options.dataLinks:
            links = links_of(source.options.dataLinks)
            style = style.model_copy(update={"links": tuple(links)})
        return style, [*overrides, *newer][:200], [*missing, *left_out]
    defaults = source.fieldConfig.defaults
    custom = defaults.custom
    style, missing = style_of_panel(
        defaults.model_extra or {}, custom.model_extra or {}, custom.stacking.mode
    )
    if source.type == "table":
        # Cells of Grafana have no colour unless they are given one; ours have.
        cell = {None: "text", "color-text": None}.get(style.cell, style.cell)
        style = style.model_copy(update={"cell": cell})
    overrides, left_out = overrides_of(source.fieldConfig.overrides)
    if source.type == "singlestat" and source.valueMaps:
        old = [{"type": 1, **each} for each in source.valueMaps if isinstance(each, dict)]
        style = style.model_copy(update={"mappings": tuple(mappings_of(old))})
    return style, overrides, [*(f"field option {name}" for name in missing), *left_out]


def _queries(source: GrafanaPanel) -> Iterator[PanelQuery]:
    """Yield the queries; those without a letter of their own get the next free one."""
    taken = {target.refId for target in source.targets}
    free = (letter for letter in map(chr, range(ord("A"), ord("Z") + 1)) if letter not in taken)
    seen: set[str] = set()
    for target in source.targets:
        ref = target.refId if target.refId not in ("", *seen) else ""
        ref = ref or next(free, f"{len(seen)}")
        seen.add(ref)
        if target.expr:
            yield _query(target, ref, source.interval)


def _query(target: GrafanaTarget, ref: str, panel_step: str) -> PanelQuery:
    step = target.interval or panel_step
    return PanelQuery(
        ref=ref[:100],
        expr=target.expr,
        legend="" if target.legendFormat == "__auto" else target.legendFormat,
        step=step if re.match(STEP_PATTERN, step) else "",
        instant=target.instant and not target.range,
        hidden=target.hide,
        table=target.format == "table",
    )


def _unsupported(source: GrafanaPanel, kind: PanelKind) -> Iterator[str]:
    if kind is PanelKind.UNSUPPORTED:
        yield f"type {source.type or 'of no name'}"[:500]
    if source.type in _AS_ANOTHER:
        yield _AS_ANOTHER[source.type]
    if source.libraryPanel is not None:
        yield "library panel"
    if any(not target.expr for target in source.targets) and kind not in _WITHOUT_QUERIES:
        yield "query without PromQL"
    sources = {_source_kind(each.datasource or source.datasource) for each in source.targets}
    yield from (f"data source {name}"[:500] for name in sorted(sources - _PROMQL_SOURCES)[:5])
    if kind is PanelKind.TEXT and "html" in (source.options.mode, source.mode):
        yield "HTML, shown as text"


def _source_kind(given: Any) -> str:
    return str(given.get("type") or "") if isinstance(given, dict) else ""
