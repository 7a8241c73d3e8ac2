"""A dashboard as Grafana's JSON, which Grafana and `reading.py` import."""

from collections.abc import Iterable
from typing import Any, Final

from web.dashboards.definition import (
    Dashboard,
    DashboardPanel,
    DashboardVariable,
    PanelKind,
    Reduction,
    VariableKind,
)
from web.dashboards.grafana.written_styles import (
    grafana_defaults,
    grafana_links,
    grafana_override,
    grafana_thresholds,
)

SCHEMA_VERSION: Final = 39
_DATA_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_CALCS: Final = {Reduction.LAST: "lastNotNull", Reduction.FIRST: "firstNotNull"}
_HIDDEN: Final = 2


def grafana_of(dashboard: Dashboard, uid: str, version: int) -> dict[str, Any]:
    """Return the dashboard as Grafana's JSON; its data source is the variable `datasource`."""
    variables = [_variable(each) for each in dashboard.variables]
    if all(each.name != "datasource" for each in dashboard.variables):
        variables.insert(0, _data_source())
    return {
        "uid": uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": list(dashboard.tags),
        "time": {"from": dashboard.start, "to": dashboard.end},
        "refresh": dashboard.refresh,
        "schemaVersion": SCHEMA_VERSION,
        "version": version,
        "editable": True,
        "templating": {"list": variables},
        "panels": _panels(dashboard.panels),
        "links": grafana_links(dashboard.links),
    }


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus"}


def _panels(panels: Iterable[DashboardPanel]) -> list[dict[str, Any]]:
    """Return the panels; those of a collapsed row are inside it."""
    found: list[dict[str, Any]] = []
    into = found
    for panel in panels:
        one = _panel(panel)
        if panel.kind is not PanelKind.ROW:
            into.append(one)
            continue
        found.append(one)
        into = one["panels"] if panel.collapsed else found
    return found


def _panel(panel: DashboardPanel) -> dict[str, Any]:
    place = panel.place
    common = {
        "id": panel.id,
        "type": panel.original if panel.kind is PanelKind.UNSUPPORTED else str(panel.kind),
        "title": panel.title,
        "gridPos": {"x": place.x, "y": place.y, "w": place.w, "h": place.h},
        "repeat": panel.repeat or None,
    }
    if panel.kind is PanelKind.ROW:
        return common | {"collapsed": panel.collapsed, "panels": []}
    return common | {
        "description": panel.description,
        "datasource": _DATA_SOURCE,
        "repeatDirection": "v" if panel.repeat_down else "h",
        "links": grafana_links(panel.links),
        "targets": [
            {
                "refId": query.ref,
                "datasource": _DATA_SOURCE,
                "expr": query.expr,
                "legendFormat": query.legend,
                "interval": query.step,
                "instant": query.instant,
                "range": not query.instant,
                "hide": query.hidden,
                "format": "table" if query.table else "time_series",
            }
            for query in panel.queries
        ],
        "fieldConfig": {
            "defaults": _defaults(panel),
            "overrides": [grafana_override(each) for each in panel.overrides],
        },
        "transformations": [
            {"id": str(each.kind), "options": each.options} for each in panel.transformations
        ],
        "options": _options(panel),
    }


def _defaults(panel: DashboardPanel) -> dict[str, Any]:
    found = grafana_defaults(panel.style)
    if panel.kind is PanelKind.TABLE and panel.style.cell is None:
        found["custom"]["cellOptions"] = {"type": "color-text"}
    if panel.style.stacking is None and panel.stacked:
        found["custom"]["stacking"] = {"mode": "normal"}
    return found | {
        "unit": panel.unit,
        "decimals": panel.decimals,
        "min": panel.min,
        "max": panel.max,
        "thresholds": grafana_thresholds(panel.thresholds, percent=panel.percent),
    }


def _options(panel: DashboardPanel) -> dict[str, Any]:
    calcs = [_calc(each) for each in panel.legend_values]
    legend: dict[str, Any] = {"showLegend": panel.legend, "placement": panel.legend_place}
    legend |= {"displayMode": "table" if calcs else "list", "calcs": calcs}
    found: dict[str, Any] = {
        "reduceOptions": {"calcs": [_calc(panel.reduce)], "values": panel.all_rows},
        "legend": legend,
        "colorMode": panel.color_mode,
        "textMode": panel.text_mode,
        "graphMode": "area" if panel.sparkline else "none",
    }
    if panel.text and panel.kind is not PanelKind.DASHBOARD_LIST:
        found |= {"content": panel.text, "mode": "markdown"}
    if panel.kind is PanelKind.DASHBOARD_LIST:
        found |= {"tags": panel.text.split("\n") if panel.text else [], "showSearch": True}
    return found


def _calc(reduction: Reduction) -> str:
    return _CALCS.get(reduction, str(reduction))


def _variable(variable: DashboardVariable) -> dict[str, Any]:
    values = list(variable.current)
    found: dict[str, Any] = {
        "name": variable.name,
        "type": str(variable.kind),
        "label": variable.label,
        "query": variable.query,
        "regex": variable.regex,
        "multi": variable.multi,
        "includeAll": variable.include_all,
        "allValue": variable.all_value or None,
        "sort": variable.sort,
        "hide": _HIDDEN if variable.hidden else 0,
        "current": {"value": values, "text": values} if values else {},
    }
    if variable.kind is VariableKind.QUERY:
        found |= {"datasource": _DATA_SOURCE, "definition": variable.query, "refresh": 2}
    return found
