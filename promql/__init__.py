"""Parses and evaluates PromQL over aligned series, in numpy; no I/O.

`promql.api` is what other packages need; `promql.engine` is the engine over a local
store. A remote engine can stand behind the same protocol.
"""

__all__ = ["api", "engine"]
