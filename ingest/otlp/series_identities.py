"""The identity of series: resource, scope, metric, attributes and a part of the metric.

A key of a series is the number of its metric, its part and the bytes of its attributes.
A sender repeats these bytes, so a known series is found without decoding them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import numpy as np

from ingest.errors import BadLabelsError
from ingest.limits.label_checks import check_limits, shown
from ingest.otlp.any_value import read_pairs, text_of
from ingest.otlp.names import MetricKind, label_name, metric_name
from ingest.otlp.translation_settings import TranslationSettings
from ingest.wire import Field, fields
from model.label_limits import LabelLimits
from model.labels import METRIC_NAME, Labels
from model.telemetry.log_records import AttributeValue, TelemetryScope
from model.telemetry.persons import PseudonymOf, is_address

_SERVICE: Final = ("service.namespace", "service.name", "service.instance.id")
_TARGET_INFO: Final = "target_info"

# The parts of a metric that are series of their own; each is followed by nothing or by
# the eight bytes of a bound.
VALUE, COUNT, SUM, BUCKET, QUANTILE = b"v", b"c", b"s", b"b", b"q"
_SUFFIXES: Final = {COUNT: "_count", SUM: "_sum", BUCKET: "_bucket"}
_BOUND_LABELS: Final = {BUCKET: "le", QUANTILE: "quantile"}
_NUMBER_BYTES: Final = 8
_BOUND_BYTES: Final = 8

Texts = Sequence[tuple[str, str]]
"""Attributes, each with its value as a text."""


class TelemetryResource:
    """The translated attributes of a resource.

    Attributes:
        number: identifies it.
        promoted: the labels of every series that attributes of a point override.
        identity: the labels job and instance, which override attributes.
        target_info: the labels of its `target_info`, None if it has none.
        info_until_ms: the time of the latest sample of `target_info`.
    """

    __slots__ = ("identity", "info_until_ms", "number", "promoted", "target_info")

    def __init__(self, number: int, texts: Texts, settings: TranslationSettings) -> None:
        known = dict(reversed(texts))
        self.number, self.info_until_ms = number, 0
        self.identity: dict[str, str] = {}
        namespace, name, instance = (known.get(key) for key in _SERVICE)
        if name is not None:
            self.identity["job"] = name if namespace is None else f"{namespace}/{name}"
        if instance is not None:
            self.identity["instance"] = instance
        self.promoted: dict[str, str] = {}
        for key, text in sorted(texts, key=_key):
            if (settings.promote_all and key not in settings.ignored) or (
                not settings.promote_all and key in settings.promoted
            ):
                self.promoted.setdefault(label_name(key, settings), text)
        self.target_info = self._target_info(texts, settings)

    def _target_info(self, texts: Texts, settings: TranslationSettings) -> Labels | None:
        identifying = sum(1 for key in _SERVICE if any(key == name for name, _ in texts))
        if len(texts) == identifying or not self.identity:
            return None
        left_out = () if settings.keep_identifying else _SERVICE
        labels = joined([pair for pair in texts if pair[0] not in left_out], settings)
        return Labels.of({**labels, **self.identity, METRIC_NAME: _TARGET_INFO})


@dataclass(frozen=True, slots=True, eq=False)
class MetricIdentity:
    """One metric of one scope of one resource.

    Attributes:
        prefix: begins the keys of its series.
        name: the metric name of its series without the suffixes of parts.
        scope: the labels of the scope.
        kind: what it is.
        refusal: why its points are refused, "" if they are not.
    """

    prefix: bytes
    name: str
    kind: MetricKind
    resource: TelemetryResource
    scope: dict[str, str] = field(default_factory=dict)
    refusal: str = ""


class Identities:
    """The resources and metrics that senders repeat, by their bytes.

    Args:
        settings: of the translation.
        limits: of the labels of one series.
        numbers: of resources and metrics. A sender's keys begin with them and outlive a change
            of the settings, so identities that follow others go on with their numbers.
        pseudonym_of: replaces the e-mail addresses of persons; None if they are kept.
    """

    # A large Collector forwards some thousand resources with some hundred metrics each.
    _MOST: Final = 100_000

    def __init__(
        self,
        settings: TranslationSettings,
        limits: LabelLimits,
        numbers: Iterator[int] | None = None,
        pseudonym_of: PseudonymOf | None = None,
    ) -> None:
        self.settings, self._limits = settings, limits
        self._pseudonym_of = pseudonym_of
        self._numbers = numbers or count(1)
        self._resources: dict[bytes, TelemetryResource] = {}
        self._metrics: dict[tuple[bytes, bytes, bytes, MetricKind], MetricIdentity] = {}

    def resource(self, data: bytes, place: Field | None) -> tuple[bytes, TelemetryResource]:
        """Return the bytes of a resource and what they mean."""
        key = b"" if place is None else data[place.start : place.stop]
        known = self._resources.get(key)
        if known is None:
            texts = self._texts(read_pairs(key, _numbered(key, 1)))
            known = TelemetryResource(next(self._numbers), texts, self.settings)
            if len(self._resources) >= self._MOST:
                self._resources = {}
            self._resources[key] = known
        return key, known

    def metric(
        self,
        resource: tuple[bytes, TelemetryResource],
        scope: tuple[bytes, TelemetryScope, str],
        name_and_unit: tuple[bytes, bytes],
        kind: MetricKind,
    ) -> MetricIdentity:
        """Return a metric.

        Args:
            resource: as `resource` returns it.
            scope: its bytes, its content and the URL of its schema.
            name_and_unit: in UTF-8.
            kind: of the metric.
        """
        header = len(name_and_unit[0]).to_bytes(4, "little") + b"".join(name_and_unit)
        # The bytes of the resource and not its number, so that a forgotten one is known again.
        key = resource[0], scope[0], header, kind
        known = self._metrics.get(key)
        if known is None:
            name, unit = (text.decode("utf-8", "replace") for text in name_and_unit)
            translated = metric_name(name, unit, kind, self.settings.strategy)
            known = MetricIdentity(
                next(self._numbers).to_bytes(_NUMBER_BYTES, "little"),
                translated,
                kind,
                resource[1],
                self._scope_labels(scope[1], scope[2]),
                "" if translated.strip("_") else f"metric {name!r}: its name has no letter",
            )
            if len(self._metrics) >= self._MOST:
                self._metrics = {}
            self._metrics[key] = known
        return known

    def _scope_labels(self, scope: TelemetryScope, schema_url: str) -> dict[str, str]:
        if not self.settings.promote_scope or not scope.name:
            return {}
        labels = {
            "otel_scope_name": scope.name,
            "otel_scope_version": scope.version,
            "otel_scope_schema_url": schema_url,
        }
        for key, text in self._texts(scope.attributes.items()):
            labels[label_name(f"otel_scope_{key}", self.settings)] = text
        return labels

    def _texts(self, pairs: Iterable[tuple[str, AttributeValue]]) -> Texts:
        """Return attributes as texts, without the addresses that must not be stored."""
        texts = [(name, text_of(value)) for name, value in pairs]
        pseudonym_of = self._pseudonym_of
        if pseudonym_of is None:
            return texts
        return [
            (name, pseudonym_of(text) if is_address(name, text) else text) for name, text in texts
        ]

    def labels_of(self, metric: MetricIdentity, key: bytes) -> Labels:
        """Return the labels of a series; may be called on any thread.

        Args:
            metric: whose prefix begins the key.
            key: of the series.

        Raises:
            BadLabelsError: a limit refuses them, or a label has a NUL byte.
        """
        at = _NUMBER_BYTES + 1
        part, own = key[_NUMBER_BYTES:at], {METRIC_NAME: metric.name}
        own[METRIC_NAME] += _SUFFIXES.get(part, "")
        if part in _BOUND_LABELS:
            own[_BOUND_LABELS[part]] = bound_text(key[at : at + _BOUND_BYTES])
            at += _BOUND_BYTES
        attributes = key[at:]
        pairs = read_pairs(attributes, list(fields(attributes, 0, len(attributes))))
        texts = joined(self._texts(pairs), self.settings)
        labels = Labels.of(
            {**metric.resource.promoted, **texts, **metric.scope, **metric.resource.identity, **own}
        )
        return self.checked(labels)

    def checked(self, labels: Labels) -> Labels:
        """Return labels that can be stored.

        Raises:
            BadLabelsError: a limit refuses them, or a label has a NUL byte.
        """
        if any("\0" in name or "\0" in value for name, value in labels):
            raise BadLabelsError(f"{shown(labels)}: a label has a NUL byte")
        check_limits(labels, self._limits)
        return labels


def joined(texts: Texts, settings: TranslationSettings) -> dict[str, str]:
    """Return labels for attributes; the values of those with one label name are joined."""
    labels: dict[str, str] = {}
    for key, text in sorted(texts, key=_key):
        name = label_name(key, settings)
        if name in labels:
            labels[name] += f";{text}"
        elif name:
            labels[name] = text
    return labels


def _key(pair: tuple[str, str]) -> str:
    return pair[0]


def bound_text(packed: bytes) -> str:
    """Return a bound as Go writes it in its shortest form without an exponent."""
    value = float(np.frombuffer(packed, "<f8")[0])
    if value in (np.inf, -np.inf):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if value != value else np.format_float_positional(value, trim="-")


def _numbered(data: bytes, number: int) -> list[Field]:
    return [part for part in fields(data, 0, len(data)) if part.number == number]
