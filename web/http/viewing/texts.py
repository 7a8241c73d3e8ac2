"""The texts of pages in the reader's language: gettext's catalogues in `web/locales`.

English is the source: a text without a translation is shown as it stands in the template.
`web/static/texts` holds the translations of the texts in scripts; one catalogue has both.
"""

import gettext as standard
import io
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from web.http.viewing.view import LANGUAGES, VIEW

LOCALES: Final = Path(__file__).parents[2] / "locales"
DOMAIN: Final = "redshank"


@cache
def read_catalogues() -> Mapping[str, bytes]:
    """Return the compressed catalogue of each language; reads the disk at its first call.

    A catalogue takes ten times as much memory once it is parsed, and most servers need none.
    """
    files = {
        language: LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.mo"
        for language in LANGUAGES
        if language != "en"
    }
    return {language: zlib.compress(path.read_bytes()) for language, path in files.items()}


@cache
def catalogue(language: str) -> standard.NullTranslations:
    """Return the catalogue of a language; takes some milliseconds at the first call."""
    if language == "en":
        return standard.NullTranslations()
    return standard.GNUTranslations(io.BytesIO(zlib.decompress(read_catalogues()[language])))


def gettext(text: str) -> str:
    """Return a text in the reader's language."""
    return catalogue(VIEW.get().language).gettext(text)


def ngettext(singular: str, plural: str, count: float) -> str:
    """Return a text about `count` things in the reader's language."""
    return catalogue(VIEW.get().language).ngettext(singular, plural, 1 if count == 1 else 2)


def pgettext(context: str, text: str) -> str:
    """Return a text in the reader's language; `context` tells apart texts that read alike."""
    return catalogue(VIEW.get().language).pgettext(context, text)


def gettext_of_context(language: str, context: str) -> Mapping[str, str]:
    """Return all texts of a context with their translations; nothing in English."""
    prefix = f"{context}\x04"
    # The standard library reads a catalogue into this dictionary and has no way to walk it.
    found: Mapping[Any, str] = getattr(catalogue(language), "_catalog", {})
    return {
        key.removeprefix(prefix): text
        for key, text in found.items()
        if isinstance(key, str) and key.startswith(prefix)
    }


def marked(text: str) -> str:
    """Return the text as it is: marks a constant that is translated where it is shown."""
    return text
