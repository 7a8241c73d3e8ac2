"""Tools over the sample store: verify, inspect, export, backfill, snapshot."""
