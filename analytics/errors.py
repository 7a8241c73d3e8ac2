"""The errors of analytics."""


class AnalyticsError(Exception):
    """Base of every error here; `field` names the invalid parameter, `reason` why."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.reason = field, message


class ReportError(AnalyticsError):
    """A report was asked for with invalid parameters."""


class SecretError(AnalyticsError):
    """A stored secret cannot be decrypted, or secrets cannot be stored here."""
