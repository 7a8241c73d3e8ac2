"""The push gateway: metrics of batch jobs."""
