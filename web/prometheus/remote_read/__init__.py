"""Remote read: raw samples for other Prometheus servers and for Thanos.

Source: Prometheus, "Remote read API"; prompb/remote.proto and types.proto.
"""

__all__ = ["api"]
