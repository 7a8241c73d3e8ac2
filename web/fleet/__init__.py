"""The fleet's current state and figures."""
