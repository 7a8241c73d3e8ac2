"""Errors of IPsec's transformations (XFRM).

Source: the kernel's Documentation/networking/xfrm_proc.rst.
"""

import re
from collections.abc import Iterable, Iterator

from exporter.families import CounterFamily, Family
from exporter.roots import Roots, read_lines

# Counter of the kernel -> HELP.
_COUNTERS = {
    "XfrmInError": "All errors not matched by other",
    "XfrmInBufferError": "No buffer is left",
    "XfrmInHdrError": "Header error",
    "XfrmInNoStates": (
        "No state is found i.e. Either inbound SPI, address, or IPsec protocol at SA is wrong"
    ),
    "XfrmInStateProtoError": "Transformation protocol specific error e.g. SA key is wrong",
    "XfrmInStateModeError": "Transformation mode specific error",
    "XfrmInStateSeqError": "Sequence error i.e. Sequence number is out of window",
    "XfrmInStateExpired": "State is expired",
    "XfrmInStateMismatch": "State has mismatch option e.g. UDP encapsulation type is mismatch",
    "XfrmInStateInvalid": "State is invalid",
    "XfrmInTmplMismatch": (
        "No matching template for states e.g. Inbound SAs are correct but SP rule is wrong"
    ),
    "XfrmInNoPols": "No policy is found for states e.g. Inbound SAs are correct but no SP is found",
    "XfrmInPolBlock": "Policy discards",
    "XfrmInPolError": "Policy error",
    "XfrmOutError": "All errors which is not matched others",
    "XfrmOutBundleGenError": "Bundle generation error",
    "XfrmOutBundleCheckError": "Bundle check error",
    "XfrmOutNoStates": "No state is found",
    "XfrmOutStateProtoError": "Transformation protocol specific error",
    "XfrmOutStateModeError": "Transformation mode specific error",
    "XfrmOutStateSeqError": "Sequence error i.e. Sequence number overflow",
    "XfrmOutStateExpired": "State is expired",
    "XfrmOutPolBlock": "Policy discards",
    "XfrmOutPolDead": "Policy is dead",
    "XfrmOutPolError": "Policy error",
    "XfrmFwdHdrError": "Forward routing of a packet is not allowed",
    "XfrmOutStateInvalid": "State is invalid, perhaps expired",
    "XfrmAcquireError": "State hasn\u2019t been fully acquired before use",
}
_CAPITAL = re.compile(r"(?<!^)([A-Z])")


class Transformations:
    """Reads `net/xfrm_stat`."""

    name = "xfrm"

    def __init__(self, roots: Roots) -> None:
        self._path = f"{roots.proc}/net/xfrm_stat"

    def collect(self) -> Iterable[Family]:
        """Return one counter for each kind of error."""
        return list(self._counters())

    def _counters(self) -> Iterator[Family]:
        for line in read_lines(self._path):
            counter, number = line.split()
            if counter in _COUNTERS:
                name = _CAPITAL.sub(r"_\1", counter).lower()
                yield CounterFamily(f"node_{name}_packets_total", _COUNTERS[counter], int(number))
