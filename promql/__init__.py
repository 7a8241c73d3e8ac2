"""Parses and evaluates PromQL over aligned series, in numpy; no I/O.

`promql.api` is what other packages need; `promql.engine` is the engine over a local
store. A remote engine can stand behind the same protocol. `promql.parser`,
`promql.printer` and `promql.tree` read queries and write them again, `promql.numbers`
writes floats as the HTTP API has them.
"""

__all__ = ["api", "engine", "numbers", "parser", "printer", "tree"]
