"""The tables of probes and status pages."""
