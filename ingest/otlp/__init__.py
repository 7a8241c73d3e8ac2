"""OTLP: decodes the requests of OpenTelemetry SDKs and Collectors, and receives them."""

__all__ = [
    "answers",
    "any_value",
    "distributions",
    "json_bodies",
    "logs",
    "metrics",
    "names",
    "number_points",
    "point_collector",
    "receiver",
    "schema",
    "series_identities",
    "translation_settings",
]
