"""Measurements of Redshank beside its peers: `./run bench NAME`, see docs/performance.md."""
