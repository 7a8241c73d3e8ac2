"""Rules and host checks to state changes, notifications and acknowledgements."""

__all__: list[str] = []
