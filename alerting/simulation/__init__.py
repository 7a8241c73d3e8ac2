"""Rules on simulated time: unit tests as of promtool, and back-tests on stored samples."""

__all__ = ["memory_samples", "unit_test_file", "unit_tests"]
