"""Parses and evaluates PromQL over aligned series, in numpy; no I/O.

Other packages need `promql.api`; `promql.engine` implements it over a local store, and a
remote engine can implement it too. `promql.syntax` reads and writes queries without
evaluating them.
"""

__all__ = ["api", "engine", "settings"]
