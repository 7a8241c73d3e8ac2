"""Corrects the times of devices whose clocks are wrong."""

from collections import OrderedDict
from typing import Final

from storage.api.events import FUTURE_TOLERANCE_MS

_CONSTANT_MS: Final = 60_000
"""Two differences of one device within this are one error of its clock: the rest is delay."""
_MOST_DEVICES: Final = 10_000


class ClockSkew:
    """Remembers by how much the clocks of devices are wrong.

    The difference between the times of sending and arrival is an error of the clock only if
    it is large; a smaller one is the delay of the request. All batches of a device are
    shifted by the same amount, or a delayed batch would overtake a later one.
    """

    def __init__(self) -> None:
        self._shifts: OrderedDict[tuple[int, str], int] = OrderedDict()

    def shift_ms(self, device: tuple[int, str], sent_ms: int, received_ms: int) -> int:
        """Return what is to be added to the times of a device, 0 for a right clock.

        Args:
            device: a project and an id that stands for one clock.
            sent_ms: when the device sent the batch, by its clock.
            received_ms: when it arrived.
        """
        difference = received_ms - sent_ms
        if abs(difference) <= FUTURE_TOLERANCE_MS:
            self._shifts.pop(device, None)
            return 0
        known = self._shifts.get(device)
        shift = difference if known is None or abs(difference - known) > _CONSTANT_MS else known
        self._shifts[device] = shift
        self._shifts.move_to_end(device)
        if len(self._shifts) > _MOST_DEVICES:
            self._shifts.popitem(last=False)
        return shift
