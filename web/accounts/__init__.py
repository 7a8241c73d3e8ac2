"""Who is there: passwords, login throttling, sessions and bearer tokens."""

__all__ = ["authentication", "first_admin", "passwords", "throttle"]
