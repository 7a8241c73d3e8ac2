"""What the benchmarks share: contenders, fleets, measurements, reports."""
