"""Reads and writes PromQL: tokens, syntax tree, type checks, printer."""
