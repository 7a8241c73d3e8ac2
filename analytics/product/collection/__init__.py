"""Events of SDKs and web pages: dialects, visitors, and their properties."""
