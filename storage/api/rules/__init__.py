"""Rule groups that people make in the UI or the API."""
