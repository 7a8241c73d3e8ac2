"""Coding agents' sessions in the event store's file."""
