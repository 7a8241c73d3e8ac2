"""What OpenTelemetry's senders report besides metrics, and how they name persons."""

__all__ = ["log_records", "persons"]
