"""Routing: which receivers get an alert, and what holds it back; without I/O and clocks."""
