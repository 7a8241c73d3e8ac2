"""Settings in one place: the reader's preferences, and what administrators manage."""
