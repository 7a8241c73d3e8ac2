"""Who is one person, and the properties that persons have been given."""
