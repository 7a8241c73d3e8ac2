"""What every push shares: streams, lanes, late samples, group commits."""
