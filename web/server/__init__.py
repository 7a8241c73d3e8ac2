"""The server itself: health, reload, API reference."""
