"""The definition of a probe that the server runs, in redshank.yml, the JSON API and the pages."""

import re
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from model.base_models import DeferredModel
from model.labels import METRIC_NAME
from model.probing.dns_messages import RECORD_TYPES, question
from model.probing.json_conditions import JsonOperator, parse_path
from model.probing.reply import host_and_port
from model.quantities import PositiveSeconds, Seconds, TextMap

PROBE_JOB: Final = "probe"
"""The `job` label of probes that set none themselves."""

RETRY_PAUSE_S: Final = 1.0
"""Between two attempts of one probe: a service that restarts needs a moment."""

_OWN_LABELS: Final = frozenset({METRIC_NAME, "job", "instance", "probe"})
_LABEL_NAME: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_STATUSES: Final = re.compile(r"\s*(\d{3})\s*(?:-\s*(\d{3})\s*)?", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_OWN_HEADERS: Final = frozenset({"host", "content-length", "transfer-encoding", "connection"})
_RESERVED: Final = frozenset({".", "..", "new", "test"})
_MOST_TEXT: Final = 64 * 1024
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class ProbeKind(StrEnum):
    """The kind of a probe."""

    HTTP = "http"
    TCP = "tcp"
    PING = "ping"
    DNS = "dns"
    TLS = "tls"
    HEARTBEAT = "heartbeat"


def _printable(text: str) -> str:
    if _CONTROL.search(text):
        raise ValueError("must not contain control characters")
    return text


_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_printable)
]


def status_ranges(text: str) -> tuple[tuple[int, int], ...]:
    """Return the ranges of HTTP statuses in a text such as `200-299, 401`.

    Raises:
        ValueError: the text has another form.
    """
    ranges = []
    for part in text.split(","):
        match = _STATUSES.fullmatch(part)
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise ValueError(f'"{text[:80]}" is not a list of statuses, such as 200-299, 401')
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return tuple(ranges)


class _ProbeCheck(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class HttpCheck(_ProbeCheck):
    """The request of an HTTP probe, and the conditions on its answer.

    Attributes:
        headers: sent with the request; their values are secrets.
        statuses: the accepted ones, such as `200-299, 401`.
        contains, lacks: text that the body must and must not contain.
        json_path: names a value of the JSON body, such as `$.status`; "" for no condition.
        verify_tls: whether the certificate must be trusted and valid.
    """

    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: TextMap = Field(default_factory=dict)
    body: Annotated[str, Field(max_length=_MOST_TEXT)] = ""
    statuses: Annotated[str, Field(max_length=200)] = "200-299"
    follow_redirects: bool = True
    contains: Annotated[str, Field(max_length=2000)] = ""
    lacks: Annotated[str, Field(max_length=2000)] = ""
    json_path: Annotated[str, Field(max_length=500)] = ""
    json_operator: JsonOperator = "=="
    json_value: Annotated[str, Field(max_length=2000)] = ""
    verify_tls: bool = True

    @field_validator("headers")
    @classmethod
    def _check_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        if len(headers) > 50:
            raise ValueError("at most 50 headers")
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f'"{name[:80]}" is not the name of a header')
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"the probe itself sends the header {name}")
            if _CONTROL.search(value) or len(value) > 8192:
                raise ValueError(f"the header {name} is too long or has control characters")
        return headers

    @field_validator("statuses")
    @classmethod
    def _check_statuses(cls, statuses: str) -> str:
        status_ranges(statuses)
        return statuses

    @field_validator("json_path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if path.strip():
            parse_path(path)
        return path.strip()

    def accepts(self, status: int) -> bool:
        """Report whether a status is an accepted one."""
        return any(first <= status <= last for first, last in status_ranges(self.statuses))


class DnsCheck(_ProbeCheck):
    """The question of a DNS probe, and the conditions on its answer.

    Attributes:
        server: HOST or HOST:PORT of the name server; "" for the system's first one.
        record: the type of the records.
        code: the response code that is expected.
        answer: text that one of the records must contain; "" for any records, or none.
    """

    server: _Line = ""
    record: Literal["A", "NS", "CNAME", "SOA", "PTR", "MX", "TXT", "AAAA", "SRV", "CAA"] = "A"
    transport: Literal["udp", "tcp"] = "udp"
    code: Literal["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"] = "NOERROR"
    answer: _Line = ""

    @field_validator("server")
    @classmethod
    def _check_server(cls, server: str) -> str:
        if server:
            host_and_port(server, 53)
        return server


class TlsCheck(_ProbeCheck):
    """The conditions of a TLS probe on a server's certificate.

    Attributes:
        min_days: the probe fails when the first certificate of the chain expires sooner.
        server_name: the name that is asked for; "" for the target's.
        verify: whether the certificate must be trusted and valid for the name.
    """

    min_days: Annotated[float, Field(ge=0, le=3650)] = 14
    server_name: _Line = ""
    verify: bool = True


class HeartbeatCheck(_ProbeCheck):
    """How long after its interval the URL of a heartbeat may be called."""

    grace: Seconds = 60.0


class ProbeDefinition(BaseModel):
    """A probe: what it asks, how often, and when it has failed.

    Attributes:
        name: unique; the label `probe`.
        target: a URL for http, HOST:PORT for tcp and tls, a host for ping, a name for dns;
            "" for a heartbeat.
        retries: how often a failed attempt is repeated, a second later, before the probe fails.
        timeout: of one attempt.
        labels: further labels of its series; the pages show them as tags.
        severity: of the alert that fires while the probe fails; "none" for no alert.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[_Line, Field(min_length=1, max_length=100)]
    kind: ProbeKind
    target: _Line = ""
    interval: PositiveSeconds = 60.0
    timeout: PositiveSeconds = 10.0
    retries: Annotated[int, Field(ge=0, le=10)] = 1
    job: Annotated[_Line, Field(min_length=1, max_length=100)] = PROBE_JOB
    labels: TextMap = Field(default_factory=dict)
    severity: Literal["warning", "critical", "none"] = "critical"
    paused: bool = False
    http: HttpCheck = Field(default_factory=HttpCheck)
    dns: DnsCheck = Field(default_factory=DnsCheck)
    tls: TlsCheck = Field(default_factory=TlsCheck)
    heartbeat: HeartbeatCheck = Field(default_factory=HeartbeatCheck)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if "/" in name or name in _RESERVED:
            raise ValueError("must be no reserved word and have no slash: addresses contain it")
        return name

    @field_validator("labels")
    @classmethod
    def _check_labels(cls, labels: dict[str, str]) -> dict[str, str]:
        if len(labels) > 30:
            raise ValueError("at most 30 labels")
        for name, value in labels.items():
            if not _LABEL_NAME.fullmatch(name) or name.startswith("__") or len(name) > 100:
                raise ValueError(f'"{name[:80]}" is not the name of a label')
            if name in _OWN_LABELS:
                raise ValueError(f"the probe itself sets the label {name}")
            if len(value) > 500:
                raise ValueError(f"the value of {name} is longer than 500 characters")
        return labels

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind is ProbeKind.HEARTBEAT:
            if self.target:
                raise ValueError("target: a heartbeat has none; its URL is issued by the server")
            return self
        _check_target(self.kind, self.target)
        if self.interval < 1:
            raise ValueError("interval: a probe runs once a second at most")
        if self.longest_s > self.interval:
            raise ValueError(
                f"interval: {1 + self.retries} attempts of {self.timeout:g} s with pauses of"
                f" {RETRY_PAUSE_S:g} s need {self.longest_s:g} s, more than the interval; give a"
                " longer interval, a shorter timeout or fewer retries"
            )
        return self

    @property
    def longest_s(self) -> float:
        """How long all attempts take at most."""
        return (1 + self.retries) * self.timeout + self.retries * RETRY_PAUSE_S


def _check_target(kind: ProbeKind, target: str) -> None:
    """Check the target of a kind.

    Raises:
        ValueError: it has another form.
    """
    if not target:
        raise ValueError("target: missing")
    try:
        if kind is ProbeKind.HTTP:
            check_http_url(target)
        elif kind is ProbeKind.TCP:
            host_and_port(target)
        elif kind is ProbeKind.TLS:
            host_and_port(target, 443)
        elif kind is ProbeKind.DNS:
            question(0, target, RECORD_TYPES["A"])
        else:
            _check_host(target)
    except ValueError as exc:
        raise ValueError(f"target: {exc}") from None


def _check_host(target: str) -> None:
    if " " in target or "/" in target:
        raise ValueError(f'"{target[:80]}" is not a host name or an address')


def check_http_url(url: str) -> None:
    """Check that a URL can be requested.

    Raises:
        ValueError: it is not an HTTP URL, or has characters that a URL has not.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f'"{url[:200]}" is not an http or https address')
    if parts.username is not None or parts.password is not None:
        raise ValueError("the address must not contain a password: send a header Authorization")
    if not url.isascii() or " " in url:
        raise ValueError("the address has characters that a URL has not: percent-encode them")
    # The property raises ValueError for an invalid port.
    _ = parts.port
