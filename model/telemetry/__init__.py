"""What OpenTelemetry's senders report besides metrics: log records and events."""

__all__ = ["log_records"]
