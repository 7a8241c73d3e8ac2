"""Queries as every contender's HTTP API takes them."""

import urllib.parse


def instant_path(expression: str, time_s: float, **others: str) -> str:
    """Return the request for an instant query.

    Args:
        expression: PromQL.
        time_s: Unix seconds.
        others: further parameters.
    """
    asked = {"query": expression, "time": f"{time_s:.3f}", **others}
    return "/api/v1/query?" + urllib.parse.urlencode(asked)


def range_path(expression: str, start_s: float, end_s: float, step_s: float) -> str:
    """Return the request for a range query, from and to Unix seconds."""
    asked = {
        "query": expression,
        "start": f"{start_s:.3f}",
        "end": f"{end_s:.3f}",
        "step": f"{step_s:g}",
    }
    return "/api/v1/query_range?" + urllib.parse.urlencode(asked)
