"""OpenTelemetry besides metrics: log records, events, and the names of persons."""

__all__ = ["log_records", "persons"]
