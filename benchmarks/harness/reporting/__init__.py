"""Command line and reports of benchmarks."""
