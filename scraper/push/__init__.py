"""What is pushed rather than scraped: from messages to vectors in the store."""
