"""The aiohttp application: UI, JSON API, Prometheus API, accounts, live updates.

`application.create_app` builds it from `services.Services` and `settings.WebSettings`; it
opens no store and starts no scraper.
"""

__all__ = ["application", "services", "settings"]
