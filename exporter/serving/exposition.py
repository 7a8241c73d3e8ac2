"""Turns families into the body of an answer, in the format that the client prefers."""

import gzip
import re
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder, gzip_accepted

from exporter.gathering.gathering import FamilyList

# What a content type may hold; prometheus_client echoes the client's version in ours.
_ACCEPT = re.compile(r"[\w!#$&^.+*/;,=\"' -]{0,1024}", re.ASCII)
# 1: 0.2 ms for 58 KB against 1.4 ms at the default, for a tenth more bytes.
_GZIP_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Exposition:
    """A scrape's answer."""

    body: bytes
    content_type: str
    content_encoding: str | None


def render(families: FamilyList, accept: str, accept_encoding: str) -> Exposition:
    """Return `families` as Prometheus's text or OpenMetrics, compressed where allowed."""
    if not _ACCEPT.fullmatch(accept):
        accept = ""
    try:
        encoder, content_type = choose_encoder(accept)
    except (TypeError, ValueError):  # A version such as "1.x", compared with numbers.
        encoder, content_type = choose_encoder("")
    body = encoder(families)
    if gzip_accepted(accept_encoding):
        return Exposition(gzip.compress(body, _GZIP_LEVEL, mtime=0), content_type, "gzip")
    return Exposition(body, content_type, None)
