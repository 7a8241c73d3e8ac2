"""Makes the targets of a job from its target groups: labels, relabelling, URLs.

Source: Prometheus documentation, "Configuration", scrape_config and relabel_config.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from model.durations import format_duration, parse_duration_ms
from model.labels import Labels
from scraper.discovery.groups import TargetGroup
from scraper.discovery.jobs import ScrapeJob
from scraper.fetching.targets import DroppedTarget, ScrapeTarget, host_name
from scraper.relabel import dropping_rule

# The characters that a URL's path may contain unescaped.
_PATH_CHARACTERS = "/:@!$&'()*+,;=~-._"


@dataclass(frozen=True, slots=True)
class JobTargets:
    """The targets of a job, and the addresses that gave none.

    Attributes:
        targets: the targets to scrape.
        dropped: targets that relabelling dropped, up to the job's `keep_dropped`.
        dropped_count: number of targets that relabelling dropped.
        refused: addresses that are not valid targets.
    """

    targets: tuple[ScrapeTarget, ...]
    dropped: tuple[DroppedTarget, ...]
    dropped_count: int
    refused: tuple[DroppedTarget, ...]


@dataclass(frozen=True, slots=True)
class _GroupTargets:
    """The result of one group: targets, dropped targets and refused addresses."""

    targets: tuple[ScrapeTarget, ...]
    dropped: tuple[DroppedTarget, ...]
    refused: tuple[DroppedTarget, ...]


class JobTargetBuilder:
    """Builds the targets of a job; groups that remain are not relabelled again."""

    def __init__(self, job: ScrapeJob, host_jobs: Collection[str] = ()) -> None:
        """Prepare for a job; `host_jobs` are the `job` labels whose targets are machines."""
        self.job, self.host_jobs = job, frozenset(host_jobs)
        # By the identity of the group: hashing the labels of 10,000 groups takes 80 ms.
        self._known: dict[int, tuple[TargetGroup, _GroupTargets]] = {}

    def build(self, groups: Iterable[TargetGroup]) -> JobTargets:
        """Return the targets of these groups, all groups of the job."""
        before = self._known
        known: dict[int, tuple[TargetGroup, _GroupTargets]] = {}
        for group in groups:
            # The tuple keeps the group alive, so that no other object gets its identity.
            known[id(group)] = before.get(id(group)) or (group, self._group_targets(group))
        self._known = known
        found = [each for _, each in known.values()]
        dropped = [target for each in found for target in each.dropped]
        keep = self.job.keep_dropped
        return JobTargets(
            _within_limit(self.job, _distinct(target for each in found for target in each.targets)),
            tuple(dropped[:keep] if keep else dropped),
            len(dropped),
            tuple(target for each in found for target in each.refused),
        )

    def _group_targets(self, group: TargetGroup) -> _GroupTargets:
        targets: list[ScrapeTarget] = []
        dropped: list[DroppedTarget] = []
        refused: list[DroppedTarget] = []
        job = self.job
        for address in group.addresses:
            discovered = _discovered(job, group, address)
            labels = dict(discovered)
            if reason := _drop_reason(labels, job):
                dropped.append(DroppedTarget(job.name, discovered, reason))
                continue
            try:
                targets.append(_target(job, discovered, labels, self.host_jobs))
            except ValueError as exc:
                refused.append(DroppedTarget(job.name, discovered, str(exc)))
        return _GroupTargets(tuple(targets), tuple(dropped), tuple(refused))


def job_targets(
    job: ScrapeJob, groups: Iterable[TargetGroup], host_jobs: Collection[str] = ()
) -> JobTargets:
    """Return the targets of a job after relabelling.

    Args:
        job: the job.
        groups: all of its groups.
        host_jobs: `job` labels whose targets are machines.
    """
    return JobTargetBuilder(job, host_jobs).build(groups)


def _distinct(targets: Iterable[ScrapeTarget]) -> list[ScrapeTarget]:
    """Return targets without repetitions."""
    found: list[ScrapeTarget] = []
    # Few targets have the same labels; hashing all members of all targets takes longer.
    first: dict[Labels, ScrapeTarget] = {}
    others: set[ScrapeTarget] = set()
    for target in targets:
        known = first.setdefault(target.labels, target)
        if known is target:
            found.append(target)
        elif known != target and target not in others:
            others.add(target)
            found.append(target)
    return found


def _drop_reason(labels: dict[str, str], job: ScrapeJob) -> str:
    """Relabel `labels` in place; return why the target is dropped, "" if it is kept."""
    index = dropping_rule(labels, job.relabel_rules)
    if index is not None:
        return f"relabel rule {index + 1}: {job.relabel_rules[index]}"
    return "" if labels.get("__address__") else "no __address__ is left after relabelling"


def _discovered(job: ScrapeJob, group: TargetGroup, address: str) -> Labels:
    """Return a target's labels before relabelling; the group's labels override the job's."""
    defaults = {
        "job": job.name,
        "__address__": address,
        "__scheme__": job.scheme,
        job.path_label: job.metrics_path,
        "__scrape_interval__": format_duration(round(job.interval_s * 1000)),
        "__scrape_timeout__": format_duration(round(job.timeout_s * 1000)),
    }
    defaults |= {f"__param_{name}": values[0] for name, values in job.params if values}
    return Labels.of(defaults | dict(group.labels) | {"__address__": address})


def _target(
    job: ScrapeJob, discovered: Labels, labels: dict[str, str], host_jobs: Collection[str]
) -> ScrapeTarget:
    """Return the target with these labels.

    Raises:
        ValueError: an interval, the scheme or the address is invalid.
    """
    interval_s, timeout_s = _times(labels)
    url = _url(job, labels)
    public = {name: value for name, value in labels.items() if not name.startswith("__")}
    public.setdefault("instance", labels["__address__"])
    return ScrapeTarget(
        url,
        Labels.of(public),
        interval_s,
        timeout_s,
        discovered,
        limits=job.limits,
        host=host_name(public["instance"]) if public.get("job") in host_jobs else None,
        honor_labels=job.honor_labels,
        honor_timestamps=job.honor_timestamps,
        track_timestamps_staleness=job.track_timestamps_staleness,
        metric_relabel_rules=job.metric_relabel_rules,
        legacy_names=job.legacy_names,
        escaping=job.escaping,
        access=job.access,
        protocols=job.protocols,
        fallback_protocol=job.fallback_protocol,
        pool=job.name,
    )


def _times(labels: dict[str, str]) -> tuple[float, float]:
    """Return interval and timeout in seconds."""
    interval_ms, timeout_ms = (
        parse_duration_ms(labels.get(f"__scrape_{name}__", "")) for name in ("interval", "timeout")
    )
    if interval_ms == 0 or timeout_ms == 0:
        raise ValueError("scrape interval and timeout cannot be 0")
    if timeout_ms > interval_ms:
        raise ValueError("the scrape timeout is longer than the interval")
    return interval_ms / 1000, timeout_ms / 1000


def _url(job: ScrapeJob, labels: dict[str, str]) -> str:
    scheme, address = labels.get("__scheme__", ""), labels["__address__"]
    if scheme not in ("http", "https"):
        raise ValueError(f'"{scheme}" is neither http nor https')
    if "/" in address:
        raise ValueError(f'"{address}" is not a valid host')
    params = dict(job.params)
    for name, value in labels.items():
        if name.startswith("__param_"):
            key = name.removeprefix("__param_")
            params[key] = (value, *params.get(key, ())[1:])
    path = labels.get(job.path_label, "")
    path = path if path.startswith("/") else f"/{path}"
    query = urlencode(sorted(params.items()), doseq=True)
    path = quote(path, safe=_PATH_CHARACTERS)
    return f"{scheme}://{address}{path}" + (f"?{query}" if query else "")


def _within_limit(job: ScrapeJob, targets: list[ScrapeTarget]) -> tuple[ScrapeTarget, ...]:
    """Return the targets, all of them refused if there are more than the job's limit."""
    if not job.target_limit or len(targets) <= job.target_limit:
        return tuple(targets)
    refused = f"target limit of {job.target_limit} exceeded ({len(targets)} targets)"
    return tuple(replace(target, refused=refused) for target in targets)
