"""Our styles, exceptions and links as Grafana's JSON."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from web.dashboards.parts import PanelLink, PanelThreshold
from web.dashboards.styles import FieldStyle, StyleOverride, ValueMapping

_CURVES: Final = {
    "linear": "linear",
    "smooth": "smooth",
    "step-after": "stepAfter",
    "step-before": "stepBefore",
}
_CELLS: Final = {
    "text": "auto",
    "color-text": "color-text",
    "color-background": "color-background",
    "gauge": "gauge",
}
_MATCHERS: Final = {
    "name": "byName",
    "names": "byNames",
    "regex": "byRegexp",
    "query": "byFrameRefID",
    "type": "byType",
}
_EXCLUDE: Final = "!"


def _colour(value: str) -> dict[str, Any]:
    if value.startswith("continuous-"):
        return {"mode": value}
    return {"mode": "fixed", "fixedColor": value}


def grafana_thresholds(steps: Sequence[PanelThreshold], *, percent: bool) -> dict[str, Any]:
    """Return thresholds."""
    return {
        "mode": "percentage" if percent else "absolute",
        "steps": [{"value": each.value, "color": each.color} for each in steps],
    }


def grafana_mappings(mappings: Sequence[ValueMapping]) -> list[dict[str, Any]]:
    """Return value mappings, each as an entry of its own: their order counts."""
    found: list[dict[str, Any]] = []
    for index, each in enumerate(mappings):
        result: dict[str, Any] = {"text": each.text, "index": index}
        if each.color:
            result["color"] = each.color
        options: dict[str, Any] = {"result": result}
        if each.kind == "value":
            options = {each.match: result}
        elif each.kind == "range":
            options |= {"from": each.low, "to": each.high}
        else:
            options["pattern" if each.kind == "regex" else "match"] = each.match
        found.append({"type": each.kind, "options": options})
    return found


def grafana_links(links: Sequence[PanelLink]) -> list[dict[str, Any]]:
    """Return links of a dashboard, a panel or a field."""
    return [
        {
            "title": each.title,
            "url": each.url,
            "type": "dashboards" if each.tags else "link",
            "tags": list(each.tags),
            "keepTime": each.keep_time,
            "includeVars": each.keep_variables,
            "targetBlank": each.new_tab,
        }
        for each in links
    ]


_WRITERS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "name": ("displayName", str),
    "unit": ("unit", str),
    "decimals": ("decimals", int),
    "min": ("min", float),
    "max": ("max", float),
    "color": ("color", _colour),
    "mappings": ("mappings", grafana_mappings),
    "links": ("links", grafana_links),
    "draw": ("custom.drawStyle", str),
    "curve": ("custom.lineInterpolation", _CURVES.__getitem__),
    "fill": ("custom.fillOpacity", int),
    "width": ("custom.lineWidth", float),
    "dashed": ("custom.lineStyle", lambda value: {"fill": "dash" if value else "solid"}),
    "span_gaps": ("custom.spanNulls", bool),
    "negative": ("custom.transform", lambda value: "negative-Y" if value else "none"),
    "right": ("custom.axisPlacement", lambda value: "right" if value else "left"),
    "axis_label": ("custom.axisLabel", str),
    "soft_min": ("custom.axisSoftMin", float),
    "soft_max": ("custom.axisSoftMax", float),
    "log_base": ("custom.scaleDistribution", lambda value: {"type": "log", "log": value}),
    "cell": ("custom.cellOptions", lambda value: {"type": _CELLS[value]}),
    "align": ("custom.align", str),
    "column_px": ("custom.width", int),
}


def grafana_override(override: StyleOverride) -> dict[str, Any]:
    """Return an exception."""
    options: Any = override.match
    if override.kind == "names":
        names = override.match.split("\n")
        mode = "exclude" if names[0] == _EXCLUDE else "include"
        options = {"mode": mode, "names": names[1:] if mode == "exclude" else names}
    properties = [{"id": name, "value": value} for name, value in _properties(override.style)]
    return {
        "matcher": {"id": _MATCHERS[override.kind], "options": options},
        "properties": properties,
    }


def grafana_defaults(style: FieldStyle) -> dict[str, Any]:
    """Return the defaults of all fields; those of one kind of panel are in `custom`."""
    found: dict[str, Any] = {"custom": {}}
    for name, value in _properties(style):
        if name.startswith("custom."):
            found["custom"][name.removeprefix("custom.")] = value
        else:
            found[name] = value
    return found


def _properties(style: FieldStyle) -> Iterator[tuple[str, Any]]:
    for field, (name, write) in _WRITERS.items():
        value = getattr(style, field)
        if value is not None:
            yield name, write(value)
    if style.stacking is not None:
        group = style.stack_group or "A"
        yield "custom.stacking", {"group": group, "mode": str(style.stacking)}
    if style.thresholds is not None:
        yield "thresholds", grafana_thresholds(style.thresholds, percent=bool(style.percent))
    if style.hidden is not None or style.unlisted is not None:
        hidden = {"viz": bool(style.hidden), "legend": bool(style.unlisted), "tooltip": False}
        yield "custom.hideFrom", hidden
