"""Collectors of network interfaces, protocols, sockets and the firewall."""
