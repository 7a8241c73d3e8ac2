"""What the benchmarks share: load, contenders, measurements, reports."""
