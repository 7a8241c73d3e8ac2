"""Reading: queries over heads and windows, and the caches that answer them."""
