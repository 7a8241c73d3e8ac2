"""The script for web pages, and the protocols of other products' SDKs."""
