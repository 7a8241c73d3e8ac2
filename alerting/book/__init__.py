"""Open alerts: states, transitions, history."""
