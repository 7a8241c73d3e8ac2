"""Counts, error rates and latencies of projects as series in the sample store."""
