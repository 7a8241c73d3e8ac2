"""What people send about the keys of hosts."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SHORTEST_KEY: Final = 16
DEFAULT_OVERLAP_S: Final = 86_400
_LONGEST_OVERLAP_S: Final = 90 * 86_400

# What can stand in a header, whatever program writes it.
Key = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=SHORTEST_KEY, max_length=256, pattern=r"^[!-~]*$"
    ),
]


class RotationForm(BaseModel):
    """Another key for a host.

    Attributes:
        key: one that its agent has already; None has one made.
        overlap_s: the old key stays valid for so long.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: Key | None = None
    overlap_s: int = Field(default=DEFAULT_OVERLAP_S, ge=0, le=_LONGEST_OVERLAP_S)
