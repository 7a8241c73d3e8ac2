"""The servers that benchmarks compare."""
