"""The texts of pages in the reader's language: gettext's catalogues in `web/locales`.

English is the source: a text without a translation is shown as it stands in the template.
"""

import gettext as standard
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from web.http.viewing.view import LANGUAGES, VIEW

LOCALES: Final = Path(__file__).parents[2] / "locales"
DOMAIN: Final = "redshank"


@cache
def catalogues() -> Mapping[str, standard.NullTranslations]:
    """Return the catalogue of each language; reads the disk at its first call."""
    return {
        language: standard.translation(DOMAIN, LOCALES, [language], fallback=language == "en")
        for language in LANGUAGES
    }


def gettext(text: str) -> str:
    """Return a text in the language of the page that is being rendered."""
    return catalogues()[VIEW.get().language].gettext(text)


def ngettext(singular: str, plural: str, count: int) -> str:
    """Return a text about `count` things in that language."""
    return catalogues()[VIEW.get().language].ngettext(singular, plural, count)
