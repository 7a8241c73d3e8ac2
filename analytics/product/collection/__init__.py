"""What SDKs and web pages send: dialects, visitors, and what is known of them."""
