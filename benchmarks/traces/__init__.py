"""Reading traces of coding agents, and listing their sessions."""
