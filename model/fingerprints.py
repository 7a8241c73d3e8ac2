"""Fingerprints of label sets, as Prometheus and Alertmanager compute them.

Source: Prometheus, common/model/signature.go.
"""

from model.labels import Labels

_FNV_OFFSET, _FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
_SEPARATOR = b"\xff"


def fingerprint(labels: Labels) -> str:
    """Return the fingerprint of a label set: FNV-1a of names and values, as hex."""
    digest = _FNV_OFFSET
    for pair in labels:
        for text in pair:
            for byte in text.encode(errors="surrogateescape") + _SEPARATOR:
                digest = (digest ^ byte) * _FNV_PRIME & 0xFFFFFFFFFFFFFFFF
    return f"{digest:016x}"
