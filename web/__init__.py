"""The aiohttp application: UI, JSON API, Prometheus API, accounts, live updates."""

__all__: list[str] = []
