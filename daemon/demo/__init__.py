"""A made-up week for `redshank demo`: hosts, product events, tracked requests."""
