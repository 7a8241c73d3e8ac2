"""Splits the body of an exposition into lines."""

import re
from collections.abc import Sequence

from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat

EOF_LINE = b"# EOF"
NO_EOF = 'the data does not end with "# EOF"'

_STRING = rb'"[^"\\]*+(?:\\\0*+[^\n\0][^"\\]*+)*+"'
_ENTRY = re.compile(
    rb"[ \t]*+#[ \t]++(?:HELP|TYPE|UNIT)[ \t]++" + _STRING + rb"[^\n]*+"
    rb"|[ \t]*+#[^\n]*+"
    rb'|(?:[^"\n]++|' + _STRING + rb")*+"
)
"""A comment or sample with the line feeds inside its quoted strings."""

# 4 MiB: one `split` of 64 MB would hold the GIL for a tenth of a second.
_SPLIT_BYTES = 4 * 2**20


def split_lines(body: bytes) -> list[bytes]:
    """Return the lines of a body; large bodies are split in steps of 4 MiB."""
    if len(body) <= _SPLIT_BYTES:
        return body.split(b"\n")
    lines: list[bytes] = []
    start = 0
    while (cut := body.find(b"\n", start + _SPLIT_BYTES)) >= 0:
        lines.extend(body[start:cut].split(b"\n"))
        start = cut + 1
    lines.extend(body[start:].split(b"\n"))
    return lines


def join_strings(lines: Sequence[bytes]) -> list[bytes]:
    """Return a body's lines, those joined that end within a quoted string.

    The text format allows line feeds in label values and names.
    """
    body = b"\n".join(lines)
    joined: list[bytes] = []
    at = 0
    while (entry := _ENTRY.match(body, at)) is not None:
        end = entry.end()
        if body[end : end + 1] == b'"':
            # Never closed: this entry is malformed, so the lines below do not matter.
            joined.extend(body[at:].split(b"\n"))
            break
        joined.append(entry[0])
        if end == len(body):
            break
        at = end + 1
    return joined


def line_number(lines: Sequence[bytes], index: int) -> int:
    """Return the number of the physical line at which `lines[index]` begins, from 1 on."""
    return 1 + sum(1 + line.count(b"\n") for line in lines[:index])


def count_content_lines(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> int:
    """Return the number of lines before the final empty line and `# EOF`.

    An empty body has none, whatever its format.

    Raises:
        ExpositionError: an OpenMetrics body does not end with `# EOF`.
    """
    count = len(lines) - (not lines[-1])
    if exposition_format is ExpositionFormat.TEXT or not count:
        return count
    if lines[count - 1] != EOF_LINE:
        raise ExpositionError(line_number(lines, count - 1), NO_EOF)
    return count - 1


def is_comment(line: bytes) -> bool:
    """Return whether a line contains no sample: a comment, metadata or an empty line."""
    return line[:1] == b"#" or line.lstrip(b" \t")[:1] in (b"#", b"")
