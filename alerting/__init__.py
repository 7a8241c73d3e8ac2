"""Evaluates rules and host checks, keeps the alerts, and sends notifications.

`service` is what the server runs, configured by `settings`; `errors` holds all errors.
`views` shows groups and rules, `prometheus_json` in the form of Prometheus's API. The
rooms, top down: `rules` and `checks`, `evaluation`, `book`, `notifications`, `receivers`.
"""

__all__ = ["errors", "prometheus_json", "service", "settings", "views"]
