"""Ways in for samples that are pushed."""
