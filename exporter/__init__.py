"""The daemon on each host: runs collectors and serves their metrics at `/metrics`."""

__all__: list[str] = []
