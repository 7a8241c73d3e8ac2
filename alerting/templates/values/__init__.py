"""The values that templates handle, and how Go prints them."""
