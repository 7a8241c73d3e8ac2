"""The exporter beside node_exporter: what a scrape costs, and which series differ."""

__all__: list[str] = []
