"""Live updates: page regions, values and alerts over one WebSocket."""
