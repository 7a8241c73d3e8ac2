"""Messages of devices."""
