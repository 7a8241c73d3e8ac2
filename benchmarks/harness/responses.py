"""HTTP responses of bare sockets: an HTTP client would dominate a measurement."""


def whole_response(received: bytes) -> bytes | None:
    """Return the head of a response once its body has arrived as well, None before.

    Args:
        received: all bytes since the request was sent. The response has a Content-Length.
    """
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return None
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
    return head if len(body) >= int(length) else None
