"""Series of senders: numbers, lanes, late samples, streams, group commits."""
