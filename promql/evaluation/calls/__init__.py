"""Handlers of function calls: evaluate the arguments and call the kernel."""
