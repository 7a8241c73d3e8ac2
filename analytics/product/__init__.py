"""Product events: ingestion, and the reports over them."""
