"""Checks what a server has stored after a crash."""
