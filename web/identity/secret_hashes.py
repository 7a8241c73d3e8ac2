"""What is stored of random secrets."""

import hashlib


def secret_hash(secret: str) -> str:
    """Return what is stored of a secret.

    A plain hash is enough: the secret has 192 random bits or more, there is nothing to
    guess. It is also what makes looking one up safe: how long SQLite takes to compare
    hashes tells nothing of a secret that hashes to one.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
