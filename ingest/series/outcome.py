"""What became of a remote-write request."""

from dataclasses import dataclass, field
from typing import Final

_MOST_MESSAGES: Final = 20


@dataclass(slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        written: samples that are stored now, those stored before among them.
        rejected: samples that are not.
        messages: why, the first few.
        exemplars, histograms: how many there were; none is kept.
    """

    written: int = 0
    rejected: int = 0
    messages: list[str] = field(default_factory=list)
    exemplars: int = 0
    histograms: int = 0

    def note(self, message: str) -> None:
        """Remember why something was refused, if there is room."""
        if len(self.messages) < _MOST_MESSAGES:
            self.messages.append(message)

    def reject(self, count: int, message: str) -> None:
        """Count samples as refused."""
        self.rejected += count
        self.note(message)
