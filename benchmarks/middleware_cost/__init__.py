"""What the middleware for applications adds to a request: `./run bench middleware_cost`."""
