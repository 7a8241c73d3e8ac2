"""Parses and evaluates PromQL over aligned series, in numpy; no I/O.

Other packages use `promql.api`. `promql.engine` implements it over a local sample store; an
engine that asks a remote server can implement it too. `promql.syntax` parses and prints
queries without evaluating them.
"""

__all__ = ["api", "engine", "settings"]
