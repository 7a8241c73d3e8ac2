"""What devices and hosts hand in by themselves: messages and reports."""

__all__ = ["messages", "models", "reports"]
