"""The messages of errors that pages show, found where modules raise them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

MODULES: Final = (
    "web/accounts/**/*.py",
    "web/alerts/**/*.py",
    "web/annotations/**/*.py",
    "web/dashboards/*.py",
    "web/dashboards/grafana/*.py",
    "web/explore/**/*.py",
    "web/hosts/**/*.py",
    "web/http/parameters.py",
    "web/http/viewing/*.py",
    "web/identity/login*.py",
    "web/identity/names*.py",
    "web/identity/oidc/login*.py",
    "web/identity/oidc/users*.py",
    "web/identity/oidc/attempts*.py",
    "web/identity/password*.py",
    "web/identity/second_factor*.py",
    "web/middleware/**/*.py",
    "web/probes/**/*.py",
    "web/prometheus/parameters.py",
    "web/prometheus/queries.py",
    "web/prometheus/expressions.py",
    "web/prometheus/panel_answers.py",
    "web/product_pages/**/*.py",
    "web/project_pages/**/*.py",
    "web/projects/**/*.py",
    "web/sessions/*_page*",
    "web/sessions/forms*.py",
    "web/sessions/access*.py",
    "web/settings_pages/**/*.py",
    "web/status_pages/**/*.py",
    "alerting/checks/overrides*.py",
    "alerting/notifications/acknowledge_links.py",
    "alerting/routing/window_times*.py",
    "analytics/product/definitions*.py",
    "analytics/product/retention/*.py",
    "analytics/statistics/*.py",
    "model/durations*.py",
    "promql/running/*.py",
    "model/memory_pressure.py",
    "model/probing/definitions*.py",
    "scraper/fetching/fetch*.py",
    "scraper/probing/**/*.py",
    "storage/api/dashboards/stored.py",
    "storage/api/errors*.py",
    "storage/api/people/queries.py",
)
"""The modules whose messages reach pages. Messages of interfaces for programs stay in English."""

OTHER_MESSAGES: Final = (
    "there is nothing at this address",
    "method %(method)s is not allowed here; use %(allowed)s",
    "the request body is too large",
    "internal error",
    "timed out",
    "server returned HTTP status %(status)s",
    "the server closed the connection",
    "too many redirects",
    "Connection refused",
    "Connection reset by peer",
    "Connection timed out",
    "Name or service not known",
    "Network is unreachable",
    "No route to host",
    (
        "exceeded maximum resolution of %(most)s points per timeseries. Try decreasing the query"
        " resolution (?step=XX)"
    ),
    "end timestamp must not be before start time",
    'invalid parameter "%(name)s": %(reason)s',
    "query processing would load too many samples into memory in query execution",
    "query timed out in %(place)s",
    "query timed out in expression evaluation",
    "above",
    "below",
    "write %(line)s as name=value",
    "the connection was closed",
    "must be greater than %(limit)s",
    "must be greater than or equal to %(limit)s",
    "must be less than %(limit)s",
    "must be less than or equal to %(limit)s",
    "must have at least %(count)s characters",
    "must have at most %(count)s characters",
    "must have at least %(count)s items after validation, not %(actual)s",
    "must have at most %(count)s items after validation, not %(actual)s",
    "must be '%(choices)s'",
    "must match pattern '%(pattern)s'",
)
"""Messages that no module raises, then those of pydantic, as `web.http.validation` has them."""

_FIELD: Final = re.compile(r"^(?:%\(field\)s|[a-z_]+): ")
"""The name of the field, which forms show beside its message."""

_OF_KINDS: Final = frozenset({"NotFoundError", "TakenError", "web.HTTPSeeOther", "LookupError"})
"""Errors whose first argument is no message."""

_PLACE: Final = re.compile(r"%\(\w+\)s")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


def raised_messages(root: Path) -> Iterator[str]:
    """Yield the messages of the errors that the modules raise."""
    for path in sorted({path for glob in MODULES for path in root.glob(glob)}):
        yield from _messages_of(ast.parse(path.read_text()))


def _messages_of(tree: ast.Module) -> Iterator[str]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if ast.unparse(node.exc.func) not in _OF_KINDS:
                yield from _sentences(node.exc, constants)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            yield from _sentences(node, constants)
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "reason":
            yield from _message(node.value, constants)
        elif isinstance(node, ast.Call | ast.Assign):
            for problems in _problems(node):
                for value in problems.values:
                    yield from _message(value, constants)


def _sentences(call: ast.Call, constants: dict[str, ast.expr]) -> Iterator[str]:
    for argument in call.args[:2]:
        found = list(_message(argument, constants))
        yield from found
        if found:
            return


def _problems(node: ast.Call | ast.Assign) -> Iterator[ast.Dict]:
    """Yield the dictionaries that say what is wrong with a form."""
    if isinstance(node, ast.Call):
        # Handlers show a form again with a status and its problems.
        statuses = [each for each in node.args if isinstance(each, ast.Constant)]
        if any(each.value in (400, 409) for each in statuses):
            yield from (each for each in node.args if isinstance(each, ast.Dict))
    elif ast.unparse(node.targets[0]) == "problems":
        yield from (each for each in ast.walk(node.value) if isinstance(each, ast.Dict))


def _message(argument: ast.expr, constants: dict[str, ast.expr]) -> Iterator[str]:
    value = constants.get(argument.id) if isinstance(argument, ast.Name) else argument
    template = _template(value)
    # Texts of one word are kinds and keys; texts without words of their own are not ours.
    if template is not None and " " in template:
        message = _FIELD.sub("", template)
        if len(_WORD.findall(_PLACE.sub("", message))) > ("%(" in message):
            yield message


def _template(value: ast.expr | None) -> str | None:
    """Return a message with `%(name)s` in place of its values; None for anything but a text."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if not isinstance(value, ast.JoinedStr):
        return None
    parts: list[str] = []
    names: list[str] = []
    for part in value.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part, ast.FormattedValue):
            names.append(_free(_name(part.value), names))
            parts.append(f"%({names[-1]})s")
    return "".join(parts)


def _name(value: ast.expr) -> str:
    """Return the last name in an expression, as translators see it."""
    match value:
        case ast.Name():
            return value.id.strip("_").lower()
        case ast.Attribute():
            return value.attr.strip("_").lower()
        case ast.Subscript():
            return _name(value.value)
        case ast.Call(args=[first, *_]):
            return _name(first)
        case _:
            return "value"


def _free(name: str, taken: list[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}{number}", number + 1
    return found
