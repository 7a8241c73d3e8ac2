"""The hashes of random secrets that are stored in their place."""

import hashlib


def secret_hash(secret: str) -> str:
    """Return the hash of a secret.

    A plain hash is enough: a secret with 192 random bits or more cannot be guessed. The
    hash also makes the look-up safe: how long SQLite takes to compare hashes reveals
    nothing about the secret.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
