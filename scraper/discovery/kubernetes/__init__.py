"""Kubernetes discovery: lists and watches the cluster's objects, and makes targets of them.

Top down: `discoverer`; `watcher` keeps objects in sync through `client`; `target_table`
makes groups of objects by the functions of `roles`; `cluster` finds the API server.
"""

__all__ = ["cluster", "discoverer"]
