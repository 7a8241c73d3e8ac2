"""The server's configuration: read, checked, reloaded."""
