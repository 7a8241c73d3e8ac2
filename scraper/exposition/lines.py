"""Splits the body of an exposition into lines."""

from collections.abc import Sequence

from scraper.exposition.errors import ExpositionError
from scraper.exposition.formats import ExpositionFormat

EOF_LINE = b"# EOF"

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


def count_content_lines(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> int:
    """Return the number of lines before the final empty line and `# EOF`.

    Raises:
        ExpositionError: an OpenMetrics body does not end with `# EOF`.
    """
    count = len(lines) - (not lines[-1])
    if exposition_format is ExpositionFormat.TEXT:
        return count
    if not count or lines[count - 1] != EOF_LINE:
        raise ExpositionError(max(count, 1), 'the data does not end with "# EOF"')
    return count - 1


def is_comment(line: bytes) -> bool:
    """Return whether a line contains no sample: a comment, metadata or an empty line."""
    return line[:1] == b"#" or line.lstrip(b" \t")[:1] in (b"#", b"")
