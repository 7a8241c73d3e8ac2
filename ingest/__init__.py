"""Takes pushed samples, appends them as vectors, and acknowledges them once durable."""
