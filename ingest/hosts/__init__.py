"""Reports of hosts that push."""
