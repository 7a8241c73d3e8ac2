"""The list of open alerts: search, filters, groups, and what is done to many at once."""
