"""What administrators manage from the UI while the server runs."""
