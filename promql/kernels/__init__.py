"""The numpy functions that compute PromQL's functions, operators and aggregations."""
