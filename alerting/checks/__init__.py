"""Host checks: every registered host is checked for down, CPU, memory and disk."""

__all__ = ["host_check", "host_evaluation", "hosts", "overrides", "queries", "registry"]
