"""Label names in URLs, in Prometheus's escaped form."""

from typing import Final

_ESCAPED: Final = "U__"


def unescape_name(name: str) -> str:
    """Return a label name from its escaped form, for example `a.b` from `U__a_2e_b`.

    A name that is not validly escaped is returned unchanged.

    Source: Prometheus, "UTF-8 support", values escaping.
    """
    if not name.startswith(_ESCAPED):
        return name
    result: list[str] = []
    rest = name[len(_ESCAPED) :]
    while rest:
        before, mark, rest = rest.partition("_")
        result.append(before)
        if not mark:
            break
        if rest.startswith("_"):
            result.append("_")
            rest = rest[1:]
            continue
        digits, mark, rest = rest.partition("_")
        try:
            code = int(digits, 16)
            result.append(chr(code))
        except (ValueError, OverflowError):
            return name
        if not mark or len(digits) > 6 or 0xD800 <= code < 0xE000:
            return name
    return "".join(result)
