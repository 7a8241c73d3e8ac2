"""Parses and prints PromQL: tokens, syntax tree, type checks, printer."""
