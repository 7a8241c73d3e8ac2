"""The targets of probes: each runs on a slot of the scraper."""

from collections.abc import Sequence
from typing import Final

from model.labels import Labels
from model.probing.definitions import ProbeDefinition, ProbeKind
from scraper.fetching.address_policy import AddressPolicy
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.targets import ScrapeTarget
from scraper.probing.library import ProbeEntry

_LONGEST_LOOK_S: Final = 60.0
"""A heartbeat is looked at once a minute at least, however rarely its job runs."""


def probe_targets(entries: Sequence[ProbeEntry], policy: AddressPolicy) -> list[ScrapeTarget]:
    """Return the targets of all probes that are not paused.

    Args:
        entries: the probes.
        policy: the addresses that probes of users may have; those of the configuration may
            have any.
    """
    return [
        _target(entry.definition, None if entry.is_configured else policy)
        for entry in entries
        if not entry.definition.paused
    ]


def _target(probe: ProbeDefinition, policy: AddressPolicy | None) -> ScrapeTarget:
    is_heartbeat = probe.kind is ProbeKind.HEARTBEAT
    interval_s = max(1.0, min(probe.interval, _LONGEST_LOOK_S)) if is_heartbeat else probe.interval
    address = probe.target or probe.name
    return ScrapeTarget(
        address if probe.kind is ProbeKind.HTTP else f"{probe.kind}://{address}",
        Labels.of({**probe.labels, "job": probe.job, "instance": address, "probe": probe.name}),
        interval_s,
        min(probe.longest_s, interval_s),
        discovered=Labels.of(__address__=address, job=probe.job),
        access=HttpAccess(address_policy=policy),
        pool=probe.job,
        probe=probe,
    )
