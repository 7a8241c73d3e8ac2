"""Remote write: decodes requests of Prometheus and agents, and receives them."""
