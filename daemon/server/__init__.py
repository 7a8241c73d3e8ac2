"""The server process: its parts, started in order and stopped in reverse."""
