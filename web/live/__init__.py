"""Live updates over the WebSocket `/ws/metrics`: page regions, query values and alerts."""
