"""Snappy's block format, in which remote write arrives."""

from ingest.errors import MalformedMessageError, TooMuchError


def decompressed(body: bytes, most_bytes: int) -> bytes:
    """Return what a body holds.

    The length it claims is looked at first, so that a small body never makes a large one.

    Raises:
        MalformedMessageError: it is not snappy.
        TooMuchError: it is larger than allowed.
    """
    # Here, because few servers are written to.
    import cramjam

    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > most_bytes:
            raise TooMuchError(f"the body decompresses to {size} bytes, more than {most_bytes}")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as exc:
        raise MalformedMessageError(f"the body is not snappy: {exc}") from exc
