"""Function calls: what each function makes of its arguments, and with which kernel."""
