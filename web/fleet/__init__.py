"""The fleet: all hosts with their states, figures and open alerts."""
