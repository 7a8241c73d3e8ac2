"""The findings of a probe as an exposition, under blackbox_exporter's names.

Source: blackbox_exporter, the metrics of its probers; ours begin with `redshank_`.
"""

from types import MappingProxyType
from typing import Final

from model.probing.definitions import ProbeKind
from model.probing.reply import ProbeReply

HELP: Final = MappingProxyType(
    {
        "success": "Displays whether or not the probe was a success",
        "duration_seconds": "Returns how long the probe took to complete in seconds",
        "dns_additional_rrs": "Returns number of entries in the additional resource record list",
        "dns_answer_rrs": "Returns number of entries in the answer resource record list",
        "dns_authority_rrs": "Returns number of entries in the authority resource record list",
        "dns_duration_seconds": "Duration of DNS request by phase",
        "dns_lookup_time_seconds": "Returns the time taken for probe dns lookup in seconds",
        "dns_query_succeeded": "Displays whether or not the query was executed successfully",
        "failed_due_to_regex": "Indicates if probe failed due to the text of the body",
        "heartbeat_timestamp_seconds": "When the URL of the heartbeat was called last",
        "http_content_length": "Length of http content response",
        "http_duration_seconds": "Duration of http request by phase, summed over all redirects",
        "http_redirects": "The number of redirects",
        "http_ssl": "Indicates if SSL was used for the final redirect",
        "http_status_code": "Response HTTP status code",
        "http_uncompressed_body_length": "Length of uncompressed response body",
        "http_version": "Returns the version of HTTP of the probe response",
        "icmp_duration_seconds": "Duration of icmp request by phase",
        "ip_protocol": "Specifies whether probe ip protocol is IP4 or IP6",
        "ssl_earliest_cert_expiry": "Returns last SSL chain expiry in unixtime",
        "tls_version_info": "Returns the TLS version used or NaN when unknown",
    }
)
_ATTEMPTS: Final = "redshank_probe_attempts"
_ATTEMPTS_HELP: Final = "How often the last probe tried: more than once after failed attempts"
_PHASED: Final = MappingProxyType(
    {ProbeKind.HTTP: "http", ProbeKind.PING: "icmp", ProbeKind.DNS: "dns"}
)


def exposition(kind: ProbeKind, reply: ProbeReply, duration_s: float, attempts: int) -> bytes:
    """Return the exposition of one probe, in the text format."""
    numbers = {"success": reply.succeeded, "duration_seconds": duration_s} | reply.numbers
    lines = []
    for name, value in numbers.items():
        lines += _head(f"probe_{name}", HELP[name])
        lines.append(f"probe_{name} {float(value)!r}")
    for name, labels in reply.texts.items():
        lines += _head(f"probe_{name}", HELP[name])
        text = ",".join(f'{label}="{value}"' for label, value in labels.items())
        lines.append(f"probe_{name}{{{text}}} 1")
    if kind in _PHASED and reply.phases_s:
        name = f"{_PHASED[kind]}_duration_seconds"
        lines += _head(f"probe_{name}", HELP[name])
        lines += [
            f'probe_{name}{{phase="{phase}"}} {took_s!r}'
            for phase, took_s in reply.phases_s.items()
        ]
    lines += _head(_ATTEMPTS, _ATTEMPTS_HELP)
    lines.append(f"{_ATTEMPTS} {attempts}")
    return ("\n".join(lines) + "\n").encode()


def _head(name: str, help_text: str) -> list[str]:
    return [f"# HELP {name} {help_text}", f"# TYPE {name} gauge"]
