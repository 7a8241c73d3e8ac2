"""The pages that people see; each module holds the handlers of one subject."""

__all__ = ["login"]
