"""Metric families of the push gateway: parsed from an exposition, stored as JSON."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.errors import MalformedMessageError, PushError
from model.labels import METRIC_NAME, Labels
from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.numbers import parse_value
from scraper.exposition.parser import parse_exposition
from scraper.exposition.rendering import render_value

GroupKey = tuple[tuple[str, str], ...]
"""The labels of a group, sorted by name, `job` among them; a value may be empty."""

_SUFFIXES = {
    "counter": ("_total", "_created"),
    "histogram": ("_bucket", "_sum", "_count", "_created"),
    "gaugehistogram": ("_bucket", "_gsum", "_gcount"),
    "summary": ("_sum", "_count", "_created"),
    "info": ("_info",),
}


class InconsistentPushError(PushError):
    """The metrics are well formed but contradict each other, their group or another group."""


@dataclass(frozen=True, slots=True)
class PushedFamily:
    """One metric family of a group.

    Attributes:
        type, help: as pushed; "" if the push had none.
        samples: the value of each series; the labels are without the group's.
    """

    type: str
    help: str
    samples: Mapping[Labels, float]


Families = Mapping[str, PushedFamily]


def read_families(body: bytes, exposition_format: ExpositionFormat, key: GroupKey) -> Families:
    """Parse a pushed exposition; return its families by name.

    Raises:
        MalformedMessageError: the body is not an exposition.
        InconsistentPushError: a sample has a timestamp, or two series are the same once
            they have the group's labels.
    """
    try:
        exposition = parse_exposition(body, exposition_format)
    except ExpositionError as exc:
        raise MalformedMessageError(str(exc)) from exc
    if exposition.duplicates:
        labels = Labels.of(exposition.duplicates[0].pairs)
        raise InconsistentPushError(f"{labels} occurs twice in the push")
    own = {name for name, _ in key}
    samples: dict[str, dict[Labels, float]] = {}
    for sample in exposition.samples:
        labels = Labels.of(sample.pairs).drop(own)
        if sample.timestamp_ms is not None:
            raise InconsistentPushError(
                f"pushed metrics must not have timestamps, and {labels} has one"
            )
        name = _family_of(labels.metric, exposition.metadata)
        family = samples.setdefault(name, {})
        if labels in family:
            raise InconsistentPushError(f"{labels} occurs twice within the group")
        family[labels] = sample.value
    nothing = MetricMetadata()
    return {
        name: PushedFamily(
            exposition.metadata.get(name, nothing).type,
            exposition.metadata.get(name, nothing).help,
            series,
        )
        for name, series in samples.items()
    }


def _family_of(metric: str, metadata: Mapping[str, MetricMetadata]) -> str:
    if metric in metadata:
        return metric
    for suffix in {suffix for suffixes in _SUFFIXES.values() for suffix in suffixes}:
        base = metric.removesuffix(suffix)
        known = metadata.get(base)
        if base != metric and known is not None and suffix in _SUFFIXES.get(known.type, ()):
            return base
    return metric


def check_types(families: Families, others: Iterable[Families]) -> None:
    """Check families against those of other groups.

    Raises:
        InconsistentPushError: a family has another type in another group.
    """
    for other in others:
        for name in families.keys() & other.keys():
            if families[name].type != other[name].type:
                raise InconsistentPushError(
                    f"{name} is a {families[name].type or 'metric without type'} here,"
                    f" and a {other[name].type or 'metric without type'} in another group"
                )


def families_as_json(families: Families) -> str:
    """Return families as JSON, for storage."""
    return json.dumps(
        {
            name: {
                "type": family.type,
                "help": family.help,
                "samples": [
                    [list(labels), render_value(value)] for labels, value in family.samples.items()
                ],
            }
            for name, family in families.items()
        }
    )


def families_from_json(text: str) -> Families:
    """Return families from the JSON of `families_as_json`."""
    return {
        name: PushedFamily(
            family["type"],
            family["help"],
            {
                Labels.of(map(tuple, pairs)): parse_value(value)
                for pairs, value in family["samples"]
            },
        )
        for name, family in json.loads(text).items()
    }


def series_of(families: Families) -> dict[Labels, float]:
    """Return the values of all series."""
    return {
        labels: value for family in families.values() for labels, value in family.samples.items()
    }


def metric_names(families: Families) -> set[str]:
    """Return the names of all metrics, suffixes included."""
    return {labels.get(METRIC_NAME) for labels in series_of(families)}
