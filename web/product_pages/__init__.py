"""Pages of product analytics: events, trends, funnel, retention, paths, persons, shared reports."""
