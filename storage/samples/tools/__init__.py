"""Tools for the files of the sample store: verify, inspect, export, backfill, snapshot."""
