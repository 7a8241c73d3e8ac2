"""The nouns that every package shares: label sets, matchers, aligned series, durations, clock.

Its public names are its modules. Each is imported on its own, because the exporter uses
`labels` and `durations` but has neither numpy nor RE2.
"""

__all__ = [
    "addresses",
    "clock",
    "conditions",
    "distinct",
    "documents",
    "durations",
    "label_limits",
    "labels",
    "limits",
    "matchers",
    "memory_pressure",
    "metadata",
    "network",
    "process",
    "quantities",
    "rates",
    "series",
    "targets",
]
