"""The outcomes of unit tests of rules."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class UnitTestOutcome:
    """The failures of one test, in promtool's words; none if it passed."""

    name: str
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """The outcome of one unit-test file.

    Attributes:
        problem: why the file cannot be run, "" if it can.
        missing: the patterns of rule files that match no file.
    """

    file: Path
    tests: tuple[UnitTestOutcome, ...] = ()
    problem: str = ""
    missing: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """All failures, in order."""
        own = (self.problem,) if self.problem else ()
        return own + tuple(text for test in self.tests for text in test.failures)
