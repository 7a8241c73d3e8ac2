"""What is marked on charts."""
