"""What every route shares: routing, errors, parameters, rendering, OpenAPI."""
