"""Remote write: decodes requests of Prometheus and agents, and receives them."""

__all__ = [
    "label_reader",
    "receiver",
    "request_decoder",
    "snappy",
    "write_request_1",
    "write_request_2",
]
