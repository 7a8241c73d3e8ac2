"""Calendar and numpy kernels of the reports: pure functions without a store."""
