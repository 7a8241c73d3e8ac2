"""Benchmarks of Redshank and its peers: `./run bench NAME`, see docs/performance.md."""
