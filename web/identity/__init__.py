"""Who sends a request: passwords, tokens, sessions, second factors."""
