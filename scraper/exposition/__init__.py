"""Parses and renders expositions: text to vectors, without I/O."""

__all__ = [
    "catalog",
    "delta",
    "difference",
    "errors",
    "families",
    "formats",
    "grammar",
    "history",
    "names",
    "numbers",
    "parser",
    "rendering",
]
