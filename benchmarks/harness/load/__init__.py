"""Load: targets to scrape, pushes, rules."""
