"""What the rest of Redshank may ask of the store: contracts, nouns and errors.

No SQLite here: the engine implements these protocols, everyone else imports only
these modules. Timestamps are Unix milliseconds; ranges include both ends.
"""

__all__ = ["accounts", "alerts", "errors", "hosts", "samples", "vector_appender"]
