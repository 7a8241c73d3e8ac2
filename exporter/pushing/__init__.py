"""Push mode: samples wait in a queue on disk until the server has acknowledged them."""
