"""Rules and host checks to state changes, notifications and acknowledgements.

`service` is what runs; `settings`, `rule_files` and `errors` come with it, `views` is what
it shows and `prometheus_json` how Prometheus's API says it.
"""

__all__ = ["errors", "prometheus_json", "rule_files", "service", "settings", "views"]
