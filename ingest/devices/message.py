"""A message: the measurements of a device at one time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """The measurements of a device at one time.

    Attributes:
        id: chosen by the device; a repeated message has the same one.
        source: the part of the device that measured.
        names: metric names.
        values: shape (len(names),).
        document: the message as JSON, for display.
    """

    id: str
    time_ms: int
    device_id: str
    source: str
    names: tuple[str, ...]
    values: tuple[float, ...]
    document: bytes
