"""Where a query runs and when it is stopped: threads, event loop, limits."""
