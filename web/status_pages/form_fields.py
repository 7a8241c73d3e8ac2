"""The fields of a status page's form, as texts, and the page that they describe."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from typing import Any, Final

from web.status_pages.definition import StatusPage

KINDS: Final = ("probe", "host", "check", "query")
_PLAIN: Final = ("slug", "title", "description", "domain", "accent", "time_zone")
_REFERENCES: Final = {"probe": "probe", "host": "host", "check": "host", "query": "expression"}
_ROW: Final = re.compile(r"c(\d{1,4})_name", re.ASCII)
_WINDOW: Final = "window_"
_NOT_SLUG: Final = re.compile(r"[^a-z0-9]+")
SPARE_ROWS: Final = 3


def page_of(given: Mapping[str, str], before: StatusPage | None) -> dict[str, Any]:
    """Return the fields of a page as `StatusPage` takes them; rows without a name are left out."""
    values: dict[str, Any] = {name: given[name].strip() for name in _PLAIN if given.get(name)}
    if before is not None:
        values["slug"] = before.slug
    values.setdefault("title", "")
    values.setdefault("slug", "")
    values["automatic_incidents"] = bool(given.get("automatic_incidents"))
    values["published"] = bool(given.get("published"))
    groups: dict[str, list[dict[str, Any]]] = {}
    rows = _named_rows(given)
    for row in rows.values():
        kind = row["kind"] if row["kind"] in KINDS else "probe"
        component: dict[str, Any] = {"id": row["id"], "name": row["name"], "kind": kind}
        component[_REFERENCES[kind]] = row["reference"]
        if kind == "check":
            component["check"] = row["check"]
        component["show_response"] = bool(row["response"])
        groups.setdefault(row["group"], []).append(component)
    values["groups"] = [{"name": name, "components": own} for name, own in groups.items()]
    values["maintenance"] = _maintenance(given, {row["id"] for row in rows.values()})
    return values


def with_instances(given: Mapping[str, str], instances: Mapping[str, str]) -> dict[str, str]:
    """Return a form with the instances of hosts in place of their names.

    Args:
        given: the texts of the form.
        instances: the instance of each host, by name.
    """
    found = dict(given)
    for name in given:
        if not (match := _ROW.fullmatch(name)):
            continue
        if given.get(f"c{match[1]}_kind") in ("host", "check"):
            field = f"c{match[1]}_reference"
            typed = given.get(field, "").strip()
            found[field] = instances.get(typed, typed)
    return found


def reference_field(given: Mapping[str, str], component: str) -> str:
    """Return the name of the field with the probe, host or query of a component.

    Raises:
        StopIteration: no row has this component.
    """
    rows = _named_rows(given)
    number = next(number for number, row in rows.items() if row["id"] == component)
    return f"c{number}_reference"


def _maintenance(given: Mapping[str, str], components: Set[str]) -> list[dict[str, Any]]:
    """Return the maintenance windows that have a title, each with the components that are ticked.

    A component that this form removes needs no tick removed. If all those of a window are
    removed, they stay and are refused: without any, the window would be one of all components.
    """
    windows = []
    for name, title in given.items():
        window = name.removeprefix(_WINDOW)
        if window == name or not title.strip():
            continue
        prefix = ticked_name(window, "")
        ticked = [each.removeprefix(prefix) for each in given if each.startswith(prefix)]
        kept = [each for each in ticked if each in components]
        windows.append({"window": window, "title": title.strip(), "components": kept or ticked})
    return windows


def ticked_name(window: str, component: str) -> str:
    """Return the name of the box that puts a component into a maintenance window."""
    return f"maintains_{window}_{component}"


def _named_rows(given: Mapping[str, str]) -> dict[int, dict[str, str]]:
    """Return the rows of the form that have a name, by their number.

    A row without an id gets one that is made of its name.
    """
    numbers = sorted({int(match[1]) for name in given if (match := _ROW.fullmatch(name))})
    names = ("id", "group", "name", "kind", "reference", "check", "response")
    found: dict[int, dict[str, str]] = {}
    taken: set[str] = set()
    for number in numbers:
        row = {name: given.get(f"c{number}_{name}", "").strip() for name in names}
        if row["name"]:
            row["id"] = row["id"] or _identity(row["name"], taken)
            taken.add(row["id"])
            found[number] = row
    return found


def _identity(name: str, taken: Iterable[str]) -> str:
    """Return an id made of a name, which no other component has."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    base = _NOT_SLUG.sub("-", plain)[:40].strip("-") or "component"
    found, number = base, 2
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


def form_of(page: StatusPage | None) -> dict[str, str]:
    """Return the texts of a form; those of the defaults without a page."""
    if page is None:
        return {"accent": "#1d5b94", "time_zone": "UTC", "published": "on"}
    texts = {name: str(getattr(page, name)) for name in _PLAIN}
    texts["automatic_incidents"] = "on" if page.automatic_incidents else ""
    texts["published"] = "on" if page.published else ""
    number = 0
    for group in page.groups:
        for one in group.components:
            texts |= {
                f"c{number}_id": one.id,
                f"c{number}_group": group.name,
                f"c{number}_name": one.name,
                f"c{number}_kind": one.kind,
                f"c{number}_reference": getattr(one, _REFERENCES[one.kind]),
                f"c{number}_check": one.check,
                f"c{number}_response": "on" if one.show_response else "",
            }
            number += 1
    for planned in page.maintenance:
        texts[_WINDOW + planned.window] = planned.title
        texts |= {ticked_name(planned.window, one): "on" for one in planned.components}
    return texts


def rows_of(given: Mapping[str, str]) -> list[int]:
    """Return the numbers of the rows that the form shows: the given ones and some empty ones."""
    known = sorted({int(match[1]) for name in given if (match := _ROW.fullmatch(name))})
    known = [number for number in known if given.get(f"c{number}_name")]
    following = max(known, default=-1) + 1
    return [*known, *range(following, following + SPARE_ROWS)]
