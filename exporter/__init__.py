"""The daemon on each host: collectors behind `/metrics`."""

__all__: list[str] = []
