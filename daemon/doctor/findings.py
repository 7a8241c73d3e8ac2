"""The result of an examination."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad a finding is."""

    GOOD = "ok"
    WARNING = "warn"
    BAD = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was examined: its state, and what to do about it.

    Attributes:
        subject: the thing that was examined.
        detail: the state it is in.
        remedy: what to do, "" for nothing.
    """

    verdict: Verdict
    subject: str
    detail: str
    remedy: str = ""
