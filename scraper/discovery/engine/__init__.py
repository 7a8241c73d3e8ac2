"""The engine of service discovery: polling, back-off, API requests and statistics."""

__all__ = ["api", "backoff", "discoverer", "feed", "polling", "target_labels"]
