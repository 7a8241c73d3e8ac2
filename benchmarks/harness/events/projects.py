"""Projects of a server that is measured."""

import json
from collections.abc import Mapping
from typing import Any

from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.loopback import fetch


def post_json(server: Redshank, path: str, body: Mapping[str, Any]) -> Any:
    """Post a JSON object as administrator; return the answer."""
    headers = {**server.headers(), "Content-Type": "application/json"}
    return json.loads(fetch(server.url + path, json.dumps(body).encode(), headers))


def create_project(server: Redshank) -> tuple[str, str]:
    """Return the keys of a new project: for events, and for tracked requests."""
    project = post_json(server, "/v1/projects", {"name": "bench"})["projectKey"]
    issued = post_json(server, f"/api/v1/projects/{project}/api-keys/", {"name": "bench"})
    return project, issued["api_key"]
