"""Paths of queries in the HTTP API that all contenders share."""

import urllib.parse


def instant_path(expression: str, time_s: float, **others: str) -> str:
    """Return the path of an instant query.

    Args:
        expression: PromQL.
        time_s: Unix seconds.
        others: further parameters.
    """
    parameters = {"query": expression, "time": f"{time_s:.3f}", **others}
    return "/api/v1/query?" + urllib.parse.urlencode(parameters)


def range_path(expression: str, start_s: float, end_s: float, step_s: float) -> str:
    """Return the path of a range query; times are Unix seconds."""
    parameters = {
        "query": expression,
        "start": f"{start_s:.3f}",
        "end": f"{end_s:.3f}",
        "step": f"{step_s:g}",
    }
    return "/api/v1/query_range?" + urllib.parse.urlencode(parameters)
