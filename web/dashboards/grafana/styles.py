"""Grafana's field options and exceptions as ours, and what is left out.

Each reader takes JSON of any shape: a value that does not fit is left out and listed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from web.dashboards.grafana.parts import (
    MOST_LISTED,
    is_true,
    items_of,
    links_of,
    mappings_of,
    value_at,
)
from web.dashboards.styles import FieldStyle, StyleOverride

_MOST_OVERRIDES: Final = 200
# Details of the drawing that say nothing about the values: left out without a word.
_COSMETIC: Final = frozenset(
    f"custom.{name}"
    for name in [
        "pointSize",
        "showPoints",
        "barAlignment",
        "barWidthFactor",
        "gradientMode",
        "axisBorderShow",
        "axisColorMode",
        "axisCenteredZero",
        "axisGridShow",
        "axisWidth",
        "insertNulls",
        "filterable",
        "inspect",
        "minWidth",
        "thresholdsStyle",
        "pointShape",
        "pointStrokeWidth",
        "headerComponent",
        "wrapText",
        "wrapHeaderText",
    ]
)
_MATCHERS: Final = {
    "byName": "name",
    "byNames": "names",
    "byRegexp": "regex",
    "byFrameRefID": "query",
    "byType": "type",
}
_CURVES: Final = {
    "linear": "linear",
    "smooth": "smooth",
    "stepAfter": "step-after",
    "stepBefore": "step-before",
}
_CELLS: Final = {
    "auto": "text",
    "color-text": "color-text",
    "color-background": "color-background",
    "color-background-solid": "color-background",
    "gauge": "gauge",
    "basic": "gauge",
    "gradient-gauge": "gauge",
    "lcd-gauge": "gauge",
}

Styles = dict[str, Any]


def _colour(value: Any) -> Styles:
    if not isinstance(value, Mapping):
        return {"color": value} if isinstance(value, str) else {}
    mode = str(value.get("mode") or "")
    if mode in ("fixed", "shades"):
        return {"color": value.get("fixedColor")}
    if mode.startswith("continuous-"):
        return {"color": mode}
    # The palette, or the thresholds: what each kind does without a colour.
    return {}


def _thresholds(value: Any) -> Styles:
    steps = items_of(value_at(value, "steps"))[:50]
    found = [
        {
            "value": value_at(step, "value") if index else None,
            "color": value_at(step, "color") or "green",
        }
        for index, step in enumerate(steps)
    ]
    return {"thresholds": found, "percent": value_at(value, "mode") == "percentage"}


def _hidden_from(value: Any) -> Styles:
    shown = {"hidden": value_at(value, "viz"), "unlisted": value_at(value, "legend")}
    return {name: True for name, is_hidden in shown.items() if is_hidden}


def _stacking(value: Any) -> Styles:
    found: Styles = {"stacking": str(value_at(value, "mode") or "none")}
    group = value_at(value, "group")
    if group is not None and group != "A":
        # Grafana writes false for a group of its own.
        found["stack_group"] = str(group)
    return found


def _cell(value: Any) -> Styles:
    kind = value if isinstance(value, str) else value_at(value, "type")
    return {"cell": _CELLS[str(kind)]} if str(kind) in _CELLS else {}


def _log(value: Any) -> Styles:
    if value_at(value, "type") != "log":
        return {}
    return {"log_base": 2 if value_at(value, "log") == 2 else 10}


_READERS: Final[Mapping[str, Callable[[Any], Styles]]] = {
    "unit": lambda value: {"unit": value},
    "decimals": lambda value: {"decimals": value},
    "min": lambda value: {"min": value},
    "max": lambda value: {"max": value},
    "displayName": lambda value: {"name": value},
    "color": _colour,
    "thresholds": _thresholds,
    "mappings": lambda value: {"mappings": mappings_of(items_of(value))},
    "links": lambda value: {"links": links_of(items_of(value))},
    "custom.drawStyle": lambda value: {"draw": value},
    "custom.lineInterpolation": lambda value: {"curve": _CURVES.get(str(value), "linear")},
    "custom.fillOpacity": lambda value: {"fill": value},
    "custom.lineWidth": lambda value: {"width": value},
    "custom.lineStyle": lambda value: {"dashed": value_at(value, "fill") in ("dash", "dot")},
    "custom.spanNulls": lambda value: {"span_gaps": value is not False},
    "custom.transform": lambda value: {"negative": value == "negative-Y"},
    "custom.stacking": _stacking,
    "custom.hideFrom": _hidden_from,
    "custom.hidden": lambda value: {"hidden": is_true(value)},
    "custom.axisPlacement": lambda value: {"right": value == "right"},
    "custom.axisLabel": lambda value: {"axis_label": value},
    "custom.axisSoftMin": lambda value: {"soft_min": value},
    "custom.axisSoftMax": lambda value: {"soft_max": value},
    "custom.scaleDistribution": _log,
    "custom.cellOptions": _cell,
    "custom.displayMode": _cell,
    "custom.align": lambda value: {"align": value} if value in ("left", "center", "right") else {},
    "custom.width": lambda value: {"column_px": value},
}


def style_of(properties: Iterable[tuple[str, Any]]) -> tuple[FieldStyle, list[str]]:
    """Return the style of Grafana's properties by id, and the ids of those that are left out."""
    found: Styles = {}
    left_out = []
    for name, value in properties:
        if value is None or value == "" or name in _COSMETIC:
            continue
        reader = _READERS.get(name)
        kept = fitting(reader(value)) if reader else None
        if kept is None:
            left_out.append(name[:100])
        else:
            found |= kept
    return FieldStyle.model_validate(found), left_out


def fitting(styles: Styles) -> Styles | None:
    """Return the styles, None if they are invalid; a number in a text counts as the number."""
    styles = {key: _number(value) for key, value in styles.items() if value is not None}
    try:
        checked = FieldStyle.model_validate(styles)
    except ValidationError:
        return None
    return {key: getattr(checked, key) for key in styles}


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def style_of_panel(
    defaults: Mapping[str, Any], custom: Mapping[str, Any], stacking: str
) -> tuple[FieldStyle, list[str]]:
    """Return the style of all fields, without what a panel has fields of its own for."""
    given = [(name, defaults.get(name)) for name in ("color", "mappings", "links", "displayName")]
    given += [(f"custom.{name}", value) for name, value in custom.items()]
    if stacking == "percent":
        given.append(("custom.stacking", {"mode": stacking}))
    found, left_out = style_of(given)
    # Grafana writes the defaults of every kind.
    usual = {
        **dict.fromkeys(("span_gaps", "right", "dashed", "negative"), False),
        "curve": "linear",
        "mappings": (),
        "links": (),
    }
    kept: Styles = {name: None for name, value in usual.items() if getattr(found, name) == value}
    # "auto" and settings of kinds that Redshank draws its own way.
    return found.model_copy(update=kept), [name for name in left_out if "." not in name]


def overrides_of(sources: Sequence[Any]) -> tuple[list[StyleOverride], list[str]]:
    """Return the exceptions, and a text for each part that is left out."""
    found, left_out = [], []
    for source in sources[:_MOST_OVERRIDES]:
        matcher = value_at(source, "matcher")
        kind, options = str(value_at(matcher, "id") or ""), value_at(matcher, "options")
        if kind not in _MATCHERS:
            left_out.append(f"override {kind}"[:500])
            continue
        pairs = [(str(value_at(e, "id") or ""), value_at(e, "value")) for e in _properties(source)]
        style, missing = style_of(pairs)
        left_out += [f"override {name}" for name in missing]
        found.append(
            StyleOverride.model_validate(
                {"kind": _MATCHERS[kind], "match": _match_text(options), "style": style}
            )
        )
    return found, list(dict.fromkeys(left_out))[:MOST_LISTED]


def _properties(source: Any) -> list[Any]:
    return items_of(value_at(source, "properties"))[:100]


def _match_text(options: Any) -> str:
    names = value_at(options, "names")
    if isinstance(names, list):
        if value_at(options, "mode") == "exclude":
            return "\n".join(("!", *map(str, names)))[:10_000]
        return "\n".join(map(str, names))[:10_000]
    if isinstance(options, Mapping):
        # Newer versions put the name of a regular expression into an object.
        return str(options.get("pattern") or options.get("options") or "")[:10_000]
    return str(options if options is not None else "")[:10_000]
