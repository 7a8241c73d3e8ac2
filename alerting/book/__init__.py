"""The book of alerts: their states, transitions and history."""

__all__ = [
    "alert_book",
    "flapping",
    "identities",
    "lifecycle",
    "live_alerts",
    "observation",
    "report",
]
