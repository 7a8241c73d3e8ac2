"""The aiohttp application: UI, JSON API, Prometheus API, accounts, live updates.

`app.create_app` builds it from `services.Services` (everything it talks to) and
`settings.WebSettings`; it constructs no store and starts no scraper.
"""

__all__ = ["app", "services", "settings"]
