"""Takes pushed samples, makes vectors of them, acknowledges after the commit."""
