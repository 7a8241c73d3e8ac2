"""Snappy's block format, the compression of remote write."""

from ingest.errors import MalformedMessageError, TooMuchError


def decompressed(body: bytes, most_bytes: int) -> bytes:
    """Decompress a body.

    The length in its header is checked first, so that a small body cannot become a huge one.

    Raises:
        MalformedMessageError: it is not snappy.
        TooMuchError: the decompressed body exceeds the limit.
    """
    # Imported here: few servers receive remote write.
    import cramjam

    try:
        size = cramjam.snappy.decompress_raw_len(body)
        if size > most_bytes:
            raise TooMuchError(f"the body decompresses to {size} bytes, more than {most_bytes}")
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError as exc:
        raise MalformedMessageError(f"the body is not snappy: {exc}") from exc
