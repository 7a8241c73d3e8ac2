"""Projects: who may see and change which."""
