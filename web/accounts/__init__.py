"""Accounts: login, registration, users, tokens and second factors as pages and API."""
