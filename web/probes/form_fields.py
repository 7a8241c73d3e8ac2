"""The fields of a probe's form, as texts, and the definition that they describe."""

from collections.abc import Mapping
from typing import Any, Final

from model.durations import format_duration
from model.probing.definitions import ProbeDefinition
from scraper.probing.library import ProbeEntry
from web.http.errors import BadRequestError

_PLAIN: Final = ("name", "kind", "target", "interval", "timeout", "retries", "severity", "job")
_HTTP: Final = (
    "method",
    "body",
    "statuses",
    "contains",
    "lacks",
    "json_path",
    "json_operator",
    "json_value",
)
_DNS: Final = ("server", "record", "transport", "code", "answer")
_MOST_LINES: Final = 100


def definition_of(given: Mapping[str, str], before: ProbeEntry | None) -> ProbeDefinition:
    """Return the definition that a form describes.

    Raises:
        ValidationError: a field is wrong.
        BadRequestError: a line of labels or headers is wrong.
    """
    values: dict[str, Any] = {name: given[name].strip() for name in _PLAIN if given.get(name)}
    values.setdefault("name", "")
    kind = values.get("kind", "http")
    values["labels"] = _lines(given.get("labels", ""), "=", "labels", "team=web")
    values["paused"] = before is not None and before.definition.paused
    if kind == "http":
        http: dict[str, Any] = {name: given[name] for name in _HTTP if given.get(name)}
        http["headers"] = _lines(given.get("headers", ""), ":", "headers", "Accept: text/html")
        http["follow_redirects"] = bool(given.get("follow_redirects"))
        http["verify_tls"] = bool(given.get("verify_tls"))
        values["http"] = http
    elif kind == "dns":
        values["dns"] = {name: given[name].strip() for name in _DNS if given.get(name)}
    elif kind == "tls":
        names = ("min_days", "server_name")
        values["tls"] = {name: given[name].strip() for name in names if given.get(name)}
        values["tls"]["verify"] = bool(given.get("verify_certificate"))
    elif kind == "heartbeat":
        values.pop("target", None)
        if given.get("grace"):
            values["heartbeat"] = {"grace": given["grace"].strip()}
    return ProbeDefinition.model_validate(values)


def form_of(definition: ProbeDefinition | None) -> dict[str, str]:
    """Return the texts of a form; those of the defaults without a definition."""
    probe = definition or ProbeDefinition(name="?", kind="tcp", target="?:1")
    http, dns, tls = probe.http, probe.dns, probe.tls
    texts = {
        "interval": _duration(probe.interval),
        "timeout": _duration(probe.timeout),
        "retries": str(probe.retries),
        "severity": probe.severity,
        "job": probe.job,
        "labels": "\n".join(f"{name}={value}" for name, value in probe.labels.items()),
        "headers": "\n".join(f"{name}: {value}" for name, value in http.headers.items()),
        "follow_redirects": "on" if http.follow_redirects else "",
        "verify_tls": "on" if http.verify_tls else "",
        "min_days": f"{tls.min_days:g}",
        "server_name": tls.server_name,
        "verify_certificate": "on" if tls.verify else "",
        "grace": _duration(probe.heartbeat.grace),
    }
    texts |= {name: str(getattr(http, name)) for name in _HTTP}
    texts |= {name: str(getattr(dns, name)) for name in _DNS}
    if definition is not None:
        texts |= {"name": probe.name, "kind": probe.kind.value, "target": probe.target}
    return texts


def _duration(length_s: float) -> str:
    return format_duration(round(length_s * 1000))


def _lines(text: str, sign: str, field: str, example: str) -> dict[str, str]:
    """Return the names and values of lines such as `name=value`.

    Raises:
        BadRequestError: a line has another form.
    """
    found: dict[str, str] = {}
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > _MOST_LINES:
        raise BadRequestError(f"{field}: at most {_MOST_LINES} lines", field)
    for line in lines:
        name, given, value = line.partition(sign)
        if not given or not name.strip():
            raise BadRequestError(f"{field}: write each line as {example}", field)
        found[name.strip()] = value.strip()
    return found
