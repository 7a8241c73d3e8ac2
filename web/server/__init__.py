"""The server itself: health checks, configuration reload, API reference."""
