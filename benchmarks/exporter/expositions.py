"""Compares two scrapes: missing series, types, help texts and values."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

SeriesKey = tuple[str, frozenset[tuple[str, str]]]
"""A sample's name and its labels, without those whose value is empty."""


@dataclass(slots=True)
class ComparedScrape:
    """What one scrape answered.

    Attributes:
        values: the value of each series.
        types, helps: the type and the help text of each family, by the name of its TYPE line.
    """

    values: dict[SeriesKey, float] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> "ComparedScrape":
        """Parse the text format."""
        parsed = cls()
        for line in text.splitlines():
            if line.startswith("# "):
                _, kind, name, *rest = line.split(" ", 3)
                (parsed.types if kind == "TYPE" else parsed.helps)[name] = "".join(rest)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                # To a scraper, an empty label is an absent one.
                labels = frozenset(pair for pair in sample.labels.items() if pair[1])
                parsed.values[sample.name, labels] = sample.value
        return parsed


@dataclass(slots=True)
class Differences:
    """Where our exposition differs from node_exporter's.

    Attributes:
        missing: series that it has and we have not.
        types, helps: family -> its text and ours, where they differ.
        values: series -> its value and ours, where they differ.
        additional: series that we have and it has not.
    """

    missing: list[SeriesKey]
    types: dict[str, tuple[str, str]]
    helps: dict[str, tuple[str, str]]
    values: dict[SeriesKey, tuple[float, float]]
    additional: list[SeriesKey]


def compare(
    ours: ComparedScrape, theirs: ComparedScrape, left_out: Mapping[str, str]
) -> Differences:
    """Return the differences, without the families whose prefix is in `left_out`.

    Counters and gauges of a running host change between two scrapes; `ours.values` should then
    be the closest of several scrapes.
    """

    def counts(name: str) -> bool:
        return not name.startswith(tuple(left_out))

    return Differences(
        missing=sorted(
            (key for key in theirs.values.keys() - ours.values.keys() if counts(key[0])), key=str
        ),
        types=dict(_unlike(theirs.types, ours.types, counts_names(theirs, left_out))),
        helps=dict(_unlike(theirs.helps, ours.helps, counts_names(theirs, left_out))),
        values={
            key: (value, ours.values[key])
            for key, value in theirs.values.items()
            if counts(key[0]) and key in ours.values and not _same(value, ours.values[key])
        },
        additional=sorted(
            (key for key in ours.values.keys() - theirs.values.keys() if counts(key[0])), key=str
        ),
    )


def counts_names(exposition: ComparedScrape, left_out: Mapping[str, str]) -> list[str]:
    """Return the names of the families that are compared."""
    return [name for name in exposition.types if not name.startswith(tuple(left_out))]


def shown(key: SeriesKey) -> str:
    """Return a series as Prometheus writes it."""
    name, labels = key
    pairs = ",".join(f'{label}="{value}"' for label, value in sorted(labels))
    return f"{name}{{{pairs}}}"


def _unlike(
    theirs: Mapping[str, str], ours: Mapping[str, str], names: list[str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    for name in names:
        if name in ours and ours[name] != theirs.get(name):
            yield name, (theirs.get(name, ""), ours[name])


def _same(one: float, other: float) -> bool:
    # node_exporter multiplies where we divide: the last digits may differ.
    return (math.isnan(one) and math.isnan(other)) or math.isclose(one, other, rel_tol=1e-12)
