"""The OTLP events of coding agents, as requests and actions of sessions."""
