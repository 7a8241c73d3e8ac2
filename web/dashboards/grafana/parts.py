"""Grafana's value mappings, links and transformations as ours, and what is left out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pydantic import ValidationError

from web.dashboards.parts import PanelLink
from web.dashboards.styles import PanelTransformation, TransformationKind, ValueMapping

MOST_LISTED: Final = 20
_MOST_TRANSFORMATIONS: Final = 50
_MOST_MAPPINGS: Final = 200
_OLD_NAMES: Final = {"seriesToColumns": "joinByField", "filterByName": "filterFieldsByName"}


def value_at(value: Any, name: str) -> Any:
    """Return a value of an object, None for anything else."""
    return value.get(name) if isinstance(value, Mapping) else None


def items_of(value: Any) -> list[Any]:
    """Return a list, empty for anything else."""
    return value if isinstance(value, list) else []


def is_true(value: Any) -> bool:
    """Return whether a switch is on; some programs write it as text."""
    return value is True or value == "true"


def mappings_of(sources: Sequence[Any]) -> list[ValueMapping]:
    """Return the value mappings; those that are invalid are left out."""
    found: list[ValueMapping] = []
    for source in sources:
        for values in _mapping_values(source):
            try:
                found.append(ValueMapping.model_validate(values))
            except ValidationError:
                continue
    return found[:_MOST_MAPPINGS]


def _mapping_values(source: Any) -> Iterator[dict[str, Any]]:
    kind, options = value_at(source, "type"), value_at(source, "options")
    if kind == "value" and isinstance(options, Mapping):
        ordered = sorted(options.items(), key=lambda each: _order(each[1]))
        for match, result in ordered:
            yield {"kind": "value", "match": str(match)} | _result(result)
    elif kind == "range":
        ends = {"low": _finite(value_at(options, "from")), "high": _finite(value_at(options, "to"))}
        yield {"kind": "range"} | ends | _result(value_at(options, "result"))
    elif kind in ("regex", "special"):
        match = value_at(options, "pattern" if kind == "regex" else "match")
        yield {"kind": kind, "match": str(match or "")} | _result(value_at(options, "result"))
    # Before version 8: 1 is a value, 2 a range.
    elif kind in (1, "1"):
        yield {"match": str(value_at(source, "value")), "text": str(value_at(source, "text") or "")}
    elif kind in (2, "2"):
        ends = {"low": _finite(value_at(source, "from")), "high": _finite(value_at(source, "to"))}
        yield {"kind": "range", "text": str(value_at(source, "text") or "")} | ends


def _order(result: Any) -> int:
    index = value_at(result, "index")
    return index if isinstance(index, int) else 0


def _result(result: Any) -> dict[str, Any]:
    return {
        "text": str(value_at(result, "text") or ""),
        "color": str(value_at(result, "color") or ""),
    }


def _finite(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if abs(number) < float("inf") else None


def transformations_of(sources: Sequence[Any]) -> tuple[list[PanelTransformation], list[str]]:
    """Return the transformations, and a text for each that is left out."""
    found, left_out = [], []
    for source in sources[:_MOST_TRANSFORMATIONS]:
        name = str(value_at(source, "id") or "")
        options = value_at(source, "options")
        known = _OLD_NAMES.get(name, name)
        if is_true(value_at(source, "disabled")) or not name:
            continue
        try:
            kind = TransformationKind(known)
            found.append(
                PanelTransformation(kind=kind, options=options if isinstance(options, dict) else {})
            )
        except ValueError:
            left_out.append(f"transformation {name}"[:500])
    return found, list(dict.fromkeys(left_out))[:MOST_LISTED]


def links_of(sources: Sequence[Any]) -> list[PanelLink]:
    """Return the links; those of dashboards with tags too."""
    found = []
    for source in sources[:50]:
        tags = value_at(source, "tags") if value_at(source, "type") == "dashboards" else None
        values = {
            "title": str(value_at(source, "title") or "")[:500],
            "url": str(value_at(source, "url") or "") if not tags else "",
            "tags": [str(tag)[:100] for tag in items_of(tags) if str(tag).strip()],
            "keep_time": is_true(value_at(source, "keepTime")),
            "keep_variables": is_true(value_at(source, "includeVars")),
            "new_tab": is_true(value_at(source, "targetBlank")),
        }
        if not values["url"] and not values["tags"]:
            continue
        try:
            found.append(PanelLink.model_validate(values))
        except ValidationError:
            continue
    return found
