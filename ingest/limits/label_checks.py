"""Checks the labels of a pushed series against the limits of one series."""

from typing import Final

from ingest.errors import BadLabelsError
from model.label_limits import LabelLimit, LabelLimits
from model.labels import Labels
from model.limits import LimitName

_SHOWN_CHARACTERS: Final = 120

_NAMES: Final = {
    LabelLimit.LABELS: LimitName.PUSH_LABELS,
    LabelLimit.NAME_LENGTH: LimitName.PUSH_LABEL_NAME_LENGTH,
    LabelLimit.VALUE_LENGTH: LimitName.PUSH_LABEL_VALUE_LENGTH,
    LabelLimit.LABEL_BYTES: LimitName.PUSH_LABEL_BYTES,
}


def check_limits(labels: Labels, limits: LabelLimits) -> None:
    """Check a label set.

    Raises:
        BadLabelsError: it exceeds a limit; the message names the limit and its setting.
    """
    found = limits.excess(labels, len(labels))
    if found is None:
        return
    what = {
        LabelLimit.LABELS: f"{found.size} labels",
        LabelLimit.NAME_LENGTH: f"a label name of {found.size} bytes",
        LabelLimit.VALUE_LENGTH: f"a value of label {found.name!r} of {found.size} bytes",
        LabelLimit.LABEL_BYTES: f"{found.size} bytes of labels",
    }[found.limit]
    message = f"{shown(labels)}: {what}, more than {found.most} (ingest.series.{found.limit})"
    raise BadLabelsError(message, _NAMES[found.limit])


def shown(labels: Labels) -> str:
    """Return a label set for messages, cut off if it is long."""
    text = str(labels).encode("utf-8", "replace").decode()
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
