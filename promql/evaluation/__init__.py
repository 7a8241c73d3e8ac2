"""Evaluates a syntax tree: selects samples, calls kernels, matches vectors."""
