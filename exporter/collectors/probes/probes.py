"""Probes of services from this host, with blackbox_exporter's names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Final

from exporter.deadlines import CallResult, DeadlineExecutor
from exporter.errors import NoDataError
from exporter.families import Family, GaugeFamily
from exporter.roots import Roots
from model.probing.reply import ProbeReply

Probe = Callable[[str, float], ProbeReply]

# The module of each kind of probe; that of HTTP loads TLS.
_MODULES: Final = MappingProxyType(
    {
        "http": "http_probe",
        "tcp": "network_probes",
        "dns": "network_probes",
        "icmp": "network_probes",
    }
)
_LABELS: Final = ("probe", "target")
_TIMEOUT_S: Final = 3.0
# How long a probe that has not ended in time may block the next one of its target.
_DEADLINE_S: Final = 4.0
# A target that does not answer must not delay the others.
_PATIENCE_S: Final = 0.02
_HELP: Final = MappingProxyType(
    {
        "dns_additional_rrs": "Returns number of entries in the additional resource record list",
        "dns_answer_rrs": "Returns number of entries in the answer resource record list",
        "dns_authority_rrs": "Returns number of entries in the authority resource record list",
        "dns_lookup_time_seconds": "Returns the time taken for probe dns lookup in seconds",
        "dns_query_succeeded": "Displays whether or not the query was executed successfully",
        "http_content_length": "Length of http content response",
        "http_redirects": "The number of redirects",
        "http_ssl": "Indicates if SSL was used for the final redirect",
        "http_status_code": "Response HTTP status code",
        "http_uncompressed_body_length": "Length of uncompressed response body",
        "http_version": "Returns the version of HTTP of the probe response",
        "ip_protocol": "Specifies whether probe ip protocol is IP4 or IP6",
        "ssl_earliest_cert_expiry": "Returns last SSL chain expiry in unixtime",
    }
)


class ServiceProbes:
    """Probes targets, each on a thread of its own if it does not answer at once.

    Args:
        roots: not used.
        targets: by kind of probe.
        probes: the kinds of probes, in place of the usual ones.
    """

    name = "probes"

    def __init__(
        self,
        roots: Roots,
        targets: Mapping[str, Sequence[str]],
        probes: Mapping[str, Probe] | None = None,
    ) -> None:
        del roots
        known = probes or {kind: partial(_probe, kind) for kind in targets}
        self._functions = {
            f"{kind} {target}": partial(_timed, known[kind], target)
            for kind, listed in targets.items()
            for target in listed
        }
        self._executor: DeadlineExecutor[tuple[ProbeReply, float]] = DeadlineExecutor(
            _DEADLINE_S, _PATIENCE_S
        )

    def collect(self) -> Iterable[Family]:
        """Return success, duration and findings of each probe.

        Raises:
            NoDataError: no option names a target.
        """
        if not self._functions:
            raise NoDataError("no --collector.probes option names a target")
        success = GaugeFamily(
            "probe_success", "Displays whether or not the probe was a success", labels=_LABELS
        )
        duration = GaugeFamily(
            "probe_duration_seconds",
            "Returns how long the probe took to complete in seconds",
            labels=_LABELS,
        )
        families: dict[str, Family] = {}
        for name, result in self._executor.run(self._functions).items():
            kind, _, target = name.partition(" ")
            reply, took_s = _reply(result)
            success.add((kind, target), reply.succeeded)
            duration.add((kind, target), took_s)
            for metric, value in reply.numbers.items():
                family = families.get(metric)
                if family is None:
                    family = families[metric] = GaugeFamily(
                        f"probe_{metric}", _HELP[metric], labels=_LABELS
                    )
                family.add((kind, target), value)
            if kind in ("http", "icmp") and reply.succeeded:
                _add_phases(families, kind, target, reply)
        return [success, duration, *families.values()]


def _probe(kind: str, target: str, timeout_s: float) -> ProbeReply:
    module = import_module(f"exporter.collectors.probes.{_MODULES[kind]}")
    probe: Probe = getattr(module, f"probe_{kind}")
    return probe(target, timeout_s)


def _timed(probe: Probe, target: str) -> tuple[ProbeReply, float]:
    begun_s = time.monotonic()
    try:
        reply = probe(target, _TIMEOUT_S)
    except Exception:  # noqa: BLE001 - whatever a service answers, the probe has failed.
        reply = ProbeReply()
    return reply, time.monotonic() - begun_s


def _reply(result: CallResult[tuple[ProbeReply, float]]) -> tuple[ProbeReply, float]:
    return (ProbeReply(), result.duration_s) if result.value is None else result.value


def _add_phases(families: dict[str, Family], kind: str, target: str, reply: ProbeReply) -> None:
    name = f"{kind}_duration_seconds"
    family = families.get(name)
    if family is None:
        family = families[name] = GaugeFamily(
            f"probe_{name}", f"Duration of {kind} request by phase", labels=(*_LABELS, "phase")
        )
    for phase, took_s in reply.phases_s.items():
        family.add((kind, target, phase), took_s)
