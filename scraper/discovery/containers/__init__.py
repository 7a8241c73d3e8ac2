"""Discovery of Docker containers and of Docker Swarm's services, tasks and nodes."""

__all__ = ["docker", "swarm"]
