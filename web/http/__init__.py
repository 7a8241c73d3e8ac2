"""The HTTP base of every feature: routes, parameters, errors, rendering, OpenAPI."""
