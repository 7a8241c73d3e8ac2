"""Every action that the audit log may hold has a title in plain words."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import web.audit.titles
from storage.api.audit import LOGIN_FAILED
from web.audit.titles import ACTION_TITLES

PACKAGE = Path(web.audit.titles.__file__).parents[1]
NAME = re.compile("[a-z_-]+([.][a-z_-]+)?")
# The argument that names the action, by the function that records it.
PLACES = {"note": 1, "AuditNote": 0, "_changed": 1}


def noted_actions() -> Iterator[str]:
    """Yield the actions that the web application's code records."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            place = PLACES.get(node.func.id)
            if place is None or len(node.args) <= place:
                continue
            for part in ast.walk(node.args[place]):
                if isinstance(part, ast.Constant) and NAME.fullmatch(str(part.value)):
                    yield str(part.value)


def test_every_recorded_action_has_a_title() -> None:
    recorded = {LOGIN_FAILED, *noted_actions()}
    assert "host.add" in recorded
    assert recorded - ACTION_TITLES.keys() == set()


def test_every_title_is_of_an_action_that_is_recorded() -> None:
    """A title without an action would hide a misspelt one."""
    of_actions = {action for action in ACTION_TITLES if not action.startswith("POST ")}
    assert of_actions - {LOGIN_FAILED, *noted_actions()} == set()
