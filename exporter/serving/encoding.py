"""Encodes families as the body of a response, in the format that the client prefers."""

import gzip
import re
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder, gzip_accepted

from exporter.gathering.gatherer import FamilyList

# Characters allowed in a content type: prometheus_client copies the client's version into it.
_ACCEPT = re.compile(r"[\w!#$&^.+*/;,=\"' -]{0,1024}", re.ASCII)
# 1: 0.2 ms for 58 KB against 1.4 ms at the default level, for a tenth more bytes.
_GZIP_LEVEL = 1


@dataclass(frozen=True, slots=True)
class EncodedMetrics:
    """The body of a scrape's response, with its content headers."""

    body: bytes
    content_type: str
    content_encoding: str | None


def encode(families: FamilyList, accept: str, accept_encoding: str) -> EncodedMetrics:
    """Return `families` in the text format or OpenMetrics, gzipped if the client accepts it."""
    if not _ACCEPT.fullmatch(accept):
        accept = ""
    try:
        encoder, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # The client sent a version that is no number, as "1.x".
        encoder, content_type = choose_encoder("")
    body = encoder(families)
    if gzip_accepted(accept_encoding):
        return EncodedMetrics(gzip.compress(body, _GZIP_LEVEL, mtime=0), content_type, "gzip")
    return EncodedMetrics(body, content_type, None)
