"""Accounts for abusive clients."""

import json
from collections.abc import Sequence

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch


def password_of(name: str) -> str:
    """Return the password of a user that `add_users` has added."""
    return f"correct horse {name} staple"


def add_users(server: Redshank, names: Sequence[str], role: str) -> list[str]:
    """Add users of one role; return a token of each."""
    tokens = []
    headers = {**server.headers(), "Content-Type": "application/json"}
    for name in names:
        user = {"name": name, "role": role, "password": password_of(name)}
        fetch(f"{server.url}/api/users", json.dumps(user).encode(), headers)
        label = json.dumps({"label": "bench", "lifetime_days": 1}).encode()
        answer = fetch(f"{server.url}/api/users/{name}/tokens", label, headers)
        tokens.append(json.loads(answer)["access_token"])
    return tokens
