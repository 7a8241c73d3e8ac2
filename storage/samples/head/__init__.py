"""The newest vectors of each source, in memory: heads, open chunks and the recent window."""
