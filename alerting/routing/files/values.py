"""Types of single values in `alertmanager.yml`, for pydantic models.

Scalars are text (`parse_document(plain_text=True)`), as Go's YAML reads them into fields.
"""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict

from alerting.errors import TemplateError
from alerting.routing.matcher_syntax import parse_matchers
from alerting.templates.functions.alertmanager import ALERTMANAGER_FUNCTIONS
from alerting.templates.language.parser import TemplateParser
from model.base_models import NullDefaultsModel
from model.matchers import Matcher, compile_pattern

_SECRET = "<secret>"  # noqa: S105 - how Alertmanager masks a secret in what it shows
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_GO_UNITS_MS = {"h": 3.6e6, "m": 6e4, "s": 1e3, "ms": 1.0, "us": 1e-3, "µs": 1e-3, "μs": 1e-3}
_GO_UNITS_MS["ns"] = 1e-6
_GO_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_GO_DURATION = re.compile(rf"[-+]?(?:{_GO_PART.pattern})+", re.ASCII)
_HOST_PORT = re.compile(r"(?P<host>[^:\[\]]*|\[[^\[\]]*\]):(?P<port>[^:\[\]]*)")


class FileSection(NullDefaultsModel):
    """A mapping in which an empty value means the default; it has no other keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def __repr__(self) -> str:
        """Return the name of the section only: its values may be secrets."""
        return f"{type(self).__name__}(…)"

    def refuse_both(self, *names: str) -> None:
        """Raise if more than one of these keys has a value.

        Raises:
            ValueError: two keys have a value.
        """
        if sum(bool(getattr(self, name)) for name in names) > 1:
            raise ValueError(f"give at most one of {', '.join(names)}")

    def require_one(self, *names: str) -> None:
        """Raise if not exactly one of these keys has a value.

        Raises:
            ValueError: none or several have a value.
        """
        if not any(getattr(self, name) for name in names):
            raise ValueError(f"give {' or '.join(names)}")
        self.refuse_both(*names)


def _url(text: str) -> str:
    if any(char < " " or char == "\x7f" for char in text) or re.search(
        r"%(?![0-9a-fA-F]{2})", text
    ):
        raise ValueError("is not a URL")
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as exc:
        raise ValueError("is not a URL: it has an invalid host or port") from exc
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not parts.netloc or " " in parts.netloc:
        raise ValueError("is a URL without a valid host")
    return text


def _secret_url(text: str) -> str:
    return text if text == _SECRET else _url(text)


def _template_url(text: str) -> str:
    if "{{" in text:
        return _template(text)
    return _secret_url(text) if text else text


def _template(text: str) -> str:
    try:
        TemplateParser("", text, ALERTMANAGER_FUNCTIONS).parse()
    except TemplateError as exc:
        raise ValueError(f"is not a valid template: {exc}") from exc
    return text


def _host_port(text: str) -> str:
    if not text:
        return text
    match = _HOST_PORT.fullmatch(text)
    if match is None or not match["port"]:
        raise ValueError("needs a host and a port, such as mail.example.org:587")
    return text


def _go_duration_ms(value: object) -> object:
    if not isinstance(value, str):
        return value
    if value in ("0", "+0", "-0"):
        return 0
    if _GO_DURATION.fullmatch(value) is None:
        raise ValueError(f'"{value}" is not a duration such as 30s, 5m or 1h30m')
    length_ms = sum(float(number) * _GO_UNITS_MS[unit] for number, unit in _GO_PART.findall(value))
    return round(-length_ms if value.startswith("-") else length_ms)


def _timeout_ms(value: object) -> object:
    # Go's YAML reads a plain number as nanoseconds.
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+", value):
        return int(value) // 1_000_000
    return _go_duration_ms(value)


def _matcher_list(values: object) -> object:
    if not isinstance(values, list):
        return values
    found: list[Matcher] = []
    for text in values:
        if not isinstance(text, str):
            raise ValueError('a matcher is a text such as severity="page"')  # noqa: TRY004
        found += parse_matchers(text)
    return tuple(found)


def _classic_names(labels: dict[str, str]) -> dict[str, str]:
    for name in labels:
        if _LABEL_NAME.fullmatch(name) is None:
            raise ValueError(f'"{name}" is not a label name')
    return labels


def _patterns(labels: dict[str, str]) -> dict[str, str]:
    for name, pattern in _classic_names(labels).items():
        if pattern is None:
            raise ValueError(f"{name} has no regular expression")
        compile_pattern(pattern)
    return labels


def _no_nulls(values: object) -> object:
    if isinstance(values, dict):
        return {name: "" if value is None else value for name, value in values.items()}
    return values


def label_name(name: str) -> str:
    """Return a label name; since 0.27 any UTF-8 text but the empty one is valid.

    Raises:
        ValueError: the name is empty or not UTF-8.
    """
    if not name or any("\udc80" <= char <= "\udcff" for char in name):
        raise ValueError(f'"{name}" is not a label name')
    return name


Url = Annotated[str, AfterValidator(_url)]
SecretUrl = Annotated[str, AfterValidator(_secret_url)]
TemplateUrl = Annotated[str, AfterValidator(_template_url)]
"""A URL, or a template of one; Alertmanager shows neither."""
SecretText = str
"""A secret; no section shows its values when it is printed."""
HostPort = Annotated[str, AfterValidator(_host_port)]
GoDurationMs = Annotated[int, BeforeValidator(_go_duration_ms)]
"""A duration in Go's notation: no days, but fractions (`1.5h`)."""
TimeoutMs = Annotated[int, BeforeValidator(_timeout_ms)]
"""A time-out in Go's notation; a plain number counts nanoseconds."""
MatcherList = Annotated[tuple[Any, ...], BeforeValidator(_matcher_list)]
"""`matchers`, parsed to `model.matchers.Matcher`."""
EqualityMap = Annotated[dict[str, str], BeforeValidator(_no_nulls), AfterValidator(_classic_names)]
"""`match`: label values by name."""
PatternMap = Annotated[dict[str, str], AfterValidator(_patterns)]
"""`match_re`: regular expressions by label name."""
LabelNames = tuple[Annotated[str, AfterValidator(label_name)], ...]
