"""The form of a status page, from and to the page that it describes."""

from typing import Any

import pytest
from pydantic import ValidationError

from web.status_pages.definition import StatusPage
from web.status_pages.form_fields import form_of, page_of, ticked_name, with_instances

WINDOW = "3c6c4e2e-0d4b-4c56-9a3c-0d1d0c1d2e3f"


@pytest.fixture
def page() -> StatusPage:
    components = [
        {"id": name, "name": name.title(), "kind": "probe", "probe": name}
        for name in ("shop", "db")
    ]
    values: dict[str, Any] = {
        "slug": "acme",
        "title": "Acme",
        "groups": [{"name": "All", "components": components}],
        "maintenance": [{"window": WINDOW, "title": "New disks", "components": ["db"]}],
    }
    return StatusPage.model_validate(values)


def saved(given: dict[str, str], before: StatusPage) -> StatusPage:
    return StatusPage.model_validate(page_of(given, before))


def test_form_that_is_sent_back_as_it_is_changes_nothing(page: StatusPage) -> None:
    assert saved(form_of(page), page) == page


def test_ticks_choose_the_components_of_a_maintenance_window(page: StatusPage) -> None:
    given = form_of(page) | {ticked_name(WINDOW, "shop"): "on"}
    del given[ticked_name(WINDOW, "db")]
    assert saved(given, page).maintenance[0].components == ("shop",)
    del given[ticked_name(WINDOW, "shop")]
    assert saved(given, page).maintenance[0].components == ()


def test_window_without_a_title_is_not_shown_whatever_is_ticked(page: StatusPage) -> None:
    assert saved(form_of(page) | {f"window_{WINDOW}": " "}, page).maintenance == ()


def test_removed_component_leaves_the_window(page: StatusPage) -> None:
    given = form_of(page) | {ticked_name(WINDOW, "shop"): "on", "c1_name": ""}
    changed = saved(given, page)
    assert [one.id for one in changed.components] == ["shop"]
    assert changed.maintenance[0].components == ("shop",)


def test_removing_the_only_component_of_a_window_does_not_make_it_one_of_all(
    page: StatusPage,
) -> None:
    with pytest.raises(ValidationError, match="maintenance: no component has the id db"):
        saved(form_of(page) | {"c1_name": ""}, page)


@pytest.mark.parametrize(
    ("kind", "typed", "expected"),
    [
        ("host", " vm ", "127.0.0.1:9100"),
        ("check", "vm", "127.0.0.1:9100"),
        ("host", "127.0.0.1:9100", "127.0.0.1:9100"),
        ("probe", "vm", "vm"),
        ("query", "vm", "vm"),
    ],
)
def test_host_that_is_typed_by_its_name_becomes_its_instance(
    kind: str, typed: str, expected: str
) -> None:
    given = {"title": "Acme", "c3_name": "vm", "c3_kind": kind, "c3_reference": typed}
    found = with_instances(given, {"vm": "127.0.0.1:9100"})
    assert found == given | {"c3_reference": expected}
