"""Decides where and how long a query runs."""
