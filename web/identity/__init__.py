"""The identity of a request's sender: login, passwords, second factors, sessions, tokens."""
