"""Computes on samples in numpy: one function per PromQL function or operator."""
