"""Sessions of coding agents: what they report, what it costs, and what comes of it."""
