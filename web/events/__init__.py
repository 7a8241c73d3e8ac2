"""Product events under `/v1/`: projects, ingestion and reports, as apptracker has them."""
