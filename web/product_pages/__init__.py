"""Pages of product analytics: events, reports, visits, persons, shared reports."""
