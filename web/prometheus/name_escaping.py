"""Escapes UTF-8 names for scrapers that cannot parse them.

Source: github.com/prometheus/common, model/metric.go (EscapeName) and expfmt/encode.go
(Negotiate).
"""

import re
from collections.abc import Iterator
from typing import Final

from scraper.fetching.protocols import EscapingScheme

_PLAIN_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)
_SCHEMES: Final = {scheme.value: scheme for scheme in EscapingScheme}
_PLAIN_CHARACTER: Final = re.compile(r"[a-zA-Z0-9_:]", re.ASCII)


def is_plain(name: str) -> bool:
    """Return whether a name needs neither quotes nor escaping."""
    return _PLAIN_NAME.fullmatch(name) is not None


def escaped_name(name: str, scheme: EscapingScheme) -> str:
    """Return the name of a metric or label under a scheme; a plain name stays as it is."""
    if scheme is EscapingScheme.ALLOW_UTF_8 or is_plain(name):
        return name
    characters = (
        (char, _PLAIN_CHARACTER.match(char) is not None and not (at == 0 and char.isdigit()))
        for at, char in enumerate(name)
    )
    match scheme:
        case EscapingScheme.UNDERSCORES:
            return "".join(char if plain else "_" for char, plain in characters)
        case EscapingScheme.DOTS:
            dots = {"_": "__", ".": "_dot_"}
            return "".join(dots.get(char, char if plain else "__") for char, plain in characters)
        case _:
            codes = (
                "__" if char == "_" else char if plain else f"_{ord(char):x}_"
                for char, plain in characters
            )
            return f"U__{''.join(codes)}"


def negotiated_escaping(accept: str) -> EscapingScheme:
    """Return the scheme that a header `Accept` asks for; by default underscores.

    As in Prometheus, the last scheme counts among the media types up to the text format, in
    the order of their quality.
    """
    scheme = EscapingScheme.UNDERSCORES
    for media_type, parameters in _by_quality(accept):
        scheme = _SCHEMES.get(parameters.get("escaping", ""), scheme)
        if media_type == "text/plain" and parameters.get("version", "") in ("", "0.0.4"):
            break
    return scheme


def _by_quality(accept: str) -> Iterator[tuple[str, dict[str, str]]]:
    entries = []
    for entry in accept.split(","):
        media_type, *settings = (part.strip() for part in entry.split(";"))
        pairs = (setting.partition("=") for setting in settings)
        parameters = {name.strip(): value.strip() for name, _, value in pairs}
        try:
            quality = float(parameters.get("q", "1"))
        except ValueError:
            quality = 1.0
        entries.append((quality, media_type, parameters))
    entries.sort(key=lambda entry: -entry[0])
    for _, media_type, parameters in entries:
        yield media_type, parameters
