"""The strict parser of the Prometheus text format 0.0.4 and OpenMetrics 1.0.

`parse_exposition` parses every line of a body and is the reference for correctness;
`difference` gives the same results much faster for a body that resembles the previous
one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from model.labels import Labels
from model.metadata import MetricMetadata
from scraper.exposition.errors import ExpositionError
from scraper.exposition.families import described, read_comment
from scraper.exposition.formats import ExpositionFormat
from scraper.exposition.grammar import BOUND_LABELS, GRAMMARS, Sample
from scraper.exposition.lines import (
    EOF_LINE,
    NO_EOF,
    is_comment,
    join_strings,
    line_number,
    split_lines,
)


@dataclass(frozen=True, slots=True)
class Exposition:
    """A parsed body.

    Attributes:
        samples: in order, without the duplicates.
        duplicates: samples with the series and timestamp of an earlier one, or its series
            where one of the two has no timestamp.
        metadata: by metric family.
    """

    samples: tuple[Sample, ...]
    duplicates: tuple[Sample, ...]
    metadata: Mapping[str, MetricMetadata]


def parse_exposition(body: bytes, exposition_format: ExpositionFormat) -> Exposition:
    """Return the samples and metadata of a body.

    Raises:
        ExpositionError: a line is malformed.
    """
    lines = split_lines(body)
    try:
        return _parse(lines, exposition_format)
    except ExpositionError:
        joined = join_strings(lines)
        if len(joined) == len(lines):
            raise
        return _parse(joined, exposition_format)


def _parse(lines: Sequence[bytes], exposition_format: ExpositionFormat) -> Exposition:
    samples: list[Sample] = []
    duplicates: list[Sample] = []
    metadata: dict[str, MetricMetadata] = {}
    timestamps: dict[Labels, set[int | None]] = {}
    for sample in read_samples(lines, exposition_format, metadata):
        labels, timestamp_ms = Labels.of(sample.pairs), sample.timestamp_ms
        earlier = timestamps.get(labels)
        if earlier is None:
            timestamps[labels] = {timestamp_ms}
        elif None in earlier or timestamp_ms is None or timestamp_ms in earlier:
            duplicates.append(sample)
            continue
        else:
            earlier.add(timestamp_ms)
        samples.append(sample)
    return Exposition(tuple(samples), tuple(duplicates), metadata)


def read_samples(
    lines: Sequence[bytes],
    exposition_format: ExpositionFormat,
    metadata: dict[str, MetricMetadata],
) -> Iterator[Sample]:
    """Yield the samples of a body in order, up to the first malformed line.

    Args:
        lines: the lines of the body, see `join_strings`.
        exposition_format: its format.
        metadata: receives the metadata by metric family.

    Raises:
        ExpositionError: a line is malformed, or OpenMetrics does not end with `# EOF`.
    """
    is_text = exposition_format is ExpositionFormat.TEXT
    grammar = GRAMMARS[exposition_format]
    bound: str | None = None
    last = len(lines) - 1
    number = 0
    for index, line in enumerate(lines):
        number += 1
        if index == last and not line:
            break
        if not is_text and line == EOF_LINE:
            if lines[index + 1 :] not in ([], [b""]):
                raise ExpositionError(number + 1, 'content after "# EOF"')
            return
        if is_comment(line):
            comment = read_comment(line, number, exposition_format)
            if comment is not None:
                known = metadata.get(comment.name, MetricMetadata())
                metadata[comment.name] = described(known, comment, number, exposition_format)
                if comment.keyword == "TYPE":
                    bound = BOUND_LABELS.get(comment.text)
        elif index == last and not is_text:
            # OpenMetrics ends each line with a line feed.
            raise ExpositionError(number, NO_EOF)
        else:
            yield grammar.sample(line, number, bound)
        number += line.count(b"\n")
    if not is_text and (last or lines[0]):
        raise ExpositionError(line_number(lines, max(last - 1, 0)), NO_EOF)
