"""Kinds of sources: samples, and hidden companions such as start times."""

from enum import Enum


class SourceKind(Enum):
    """The meaning of a source's values.

    A source of samples may have one companion of each other kind: a hidden source with
    the same labels and layouts, which readers of samples never see. To add a kind, add a
    member here and the code that appends and reads its values, as start times do.

    The member's value is the prefix of the companion's stream name on disk.
    """

    SAMPLES = ""
    START_TIMES = "start times of "

    @classmethod
    def of_stream(cls, stream: str) -> "SourceKind":
        """Return the kind of the source with this stream name."""
        for kind in _COMPANIONS:
            if stream.startswith(kind.value):
                return kind
        return cls.SAMPLES

    def stream_for(self, stream: str) -> str:
        """Return the stream name of the companion to a source of samples."""
        return self.value + stream


# Iterating an Enum takes 2 us, and a start asks for each source.
_COMPANIONS = tuple(kind for kind in SourceKind if kind is not SourceKind.SAMPLES)
