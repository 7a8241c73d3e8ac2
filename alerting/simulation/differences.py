"""Compares what a unit test expects with what it gets, in promtool's words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alerting.templates.values.floats import format_exponent
from alerting.templates.values.times import Duration
from promql.syntax.printer import label_name, quoted

TextPairs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AlertTexts:
    """Labels and annotations of a firing alert."""

    labels: TextPairs
    annotations: TextPairs


@dataclass(frozen=True, slots=True)
class ResultSample:
    """One series of a result, expected or received."""

    labels: TextPairs
    value: float


def label_text(labels: TextPairs) -> str:
    """Return labels as Prometheus's command line writes them: `{a="b", c="d"}`."""
    pairs = (f"{label_name(name)}={quoted(value)}" for name, value in sorted(labels.items()))
    return f"{{{', '.join(pairs)}}}"


def go_duration(duration_ms: int) -> str:
    """Return a duration as Go prints it: `2m0s`."""
    return str(Duration(duration_ms * 1_000_000))


def sorted_alerts(alerts: Sequence[AlertTexts]) -> list[AlertTexts]:
    """Return alerts in the order in which they are compared."""
    return sorted(
        alerts, key=lambda each: (sorted(each.labels.items()), sorted(each.annotations.items()))
    )


def sorted_samples(samples: Sequence[ResultSample]) -> list[ResultSample]:
    """Return samples in the order in which they are compared."""
    return sorted(samples, key=lambda each: sorted(each.labels.items()))


def same_samples(
    expected: Sequence[ResultSample], got: Sequence[ResultSample], *, fuzzy: bool
) -> bool:
    """Return whether the samples are equal; NaN equals nothing, as in Go."""
    return len(expected) == len(got) and all(
        wanted.labels == found.labels and _same_value(wanted.value, found.value, fuzzy=fuzzy)
        for wanted, found in zip(expected, got, strict=True)
    )


def _same_value(wanted: float, found: float, *, fuzzy: bool) -> bool:
    if wanted == found:
        return True
    neighbours = (math.nextafter(wanted, -math.inf), math.nextafter(wanted, math.inf))
    return fuzzy and found in neighbours and not math.isnan(found)


def alerts_text(alerts: Sequence[AlertTexts]) -> str:
    """Return a list of alerts over several lines."""
    if not alerts:
        return "[]"
    indent = " " * 12
    items = [
        f"{indent}{number}:\n{indent}  Labels:{label_text(alert.labels)}"
        f"\n{indent}  Annotations:{label_text(alert.annotations)}"
        for number, alert in enumerate(alerts)
    ]
    return "[\n" + ",\n".join(items) + f"\n{indent}]"


def samples_text(samples: Sequence[ResultSample]) -> str:
    """Return a list of samples on one line."""
    if not samples:
        return "nil"
    return ", ".join(f"{label_text(each.labels)} {_exponent(each.value)}" for each in samples)


def _exponent(value: float) -> str:
    text = format_exponent(value)
    return text.upper() if math.isfinite(value) else text
