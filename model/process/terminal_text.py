"""Text of other programs on a terminal: control characters become visible escapes.

A label, an error of a target or a note of a server may hold sequences that move the cursor,
rewrite the screen or set the terminal's title.
"""

import re
from typing import Final

# C0 except tab and line feed, DEL, C1 (a terminal may read U+009B as ESC [), and the marks that
# change the direction of the text around them.
_CONTROLS: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def escape_controls(text: str) -> str:
    r"""Return `text` with each control character as `\x1b` or `\u202e`; tab and line feed stay."""
    return _CONTROLS.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
