"""Notifications: from a state change to a delivery."""
