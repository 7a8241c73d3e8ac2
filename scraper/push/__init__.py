"""What comes by itself: messages of devices and reports of hosts.

`inbox` takes messages, `hosts` reports; `sources` appends both, at whatever time they
say, and `commits` makes them durable before the sender is answered.
"""

__all__ = ["commits", "errors", "hosts", "inbox", "messages", "reports", "sources"]
