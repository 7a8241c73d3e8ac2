"""The server process: its parts are started in order and stopped in reverse order."""
