"""Projects, API keys, events, tracked requests, AI sessions, and the reports over them."""

__all__: list[str] = []
