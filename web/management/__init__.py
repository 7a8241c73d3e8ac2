"""What administrators manage from the UI: protocols that the daemon implements."""
