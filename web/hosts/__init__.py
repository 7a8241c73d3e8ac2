"""Hosts: pages, API, forms, charts."""
