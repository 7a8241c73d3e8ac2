"""Extracts the texts of all templates, and brings the catalogues up to date.

    ./run exec python -m tests.web.http.viewing.extraction

Translate what is new in `web/locales/*/LC_MESSAGES/redshank.po`, and run it again, which
compiles the files that the server reads.
"""

import importlib
import io
import sys
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from web.http.pages import Page
from web.http.viewing.texts import DOMAIN, LOCALES
from web.http.viewing.view import LANGUAGES

ROOT: Final = Path(__file__).parents[4]
TRANSLATED: Final = tuple(language for language in LANGUAGES if language != "en")
TRANSLATED_ROOMS: Final = ("web.accounts.", "web.settings_pages.", "web.hosts.listing.")
"""Where the notices of pages are translated too."""

OPTIONS: Final = {"trimmed": "true", "trim_blocks": "true", "lstrip_blocks": "true", "silent": "0"}


def template_texts() -> Catalog:
    """Return the texts that templates mark, and the titles and notices of pages."""
    found = Catalog(domain=DOMAIN, fuzzy=False)
    for path in sorted(ROOT.glob("web/*/templates/*.html")):
        content = io.BytesIO(path.read_bytes())
        for _line, message, _comments, context in extract(
            "jinja2.ext:babel_extract", content, options=OPTIONS
        ):
            name = path.relative_to(ROOT).as_posix()
            found.add(message, locations=[(name, 0)], context=context)
    for text, place in page_texts().items():
        found.add(text, locations=[(place, 0)])
    return found


def page_texts() -> dict[str, str]:
    """Return the titles in the navigation, and the texts of the pages that are translated."""
    importlib.import_module("web.pages")
    found: dict[str, str] = {}
    for name, module in sorted(sys.modules.items()):
        if not name.startswith("web."):
            continue
        is_translated = name.startswith(TRANSLATED_ROOMS)
        for page in vars(module).values():
            if isinstance(page, Page) and (is_translated or page.position is not None):
                notices = page.notices.values() if is_translated else ()
                found |= dict.fromkeys((page.title, *notices), f"page {page.path}")
    return found


def navigation_titles() -> set[str]:
    """Return the titles in the navigation: a new page may be English for a while."""
    importlib.import_module("web.pages")
    return {
        page.title
        for name, module in sys.modules.items()
        if name.startswith("web.")
        for page in vars(module).values()
        if isinstance(page, Page) and page.position is not None
    }


def po_path(language: str) -> Path:
    """Return the catalogue that translators edit."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue of a language."""
    return read_po(io.BytesIO(po_path(language).read_bytes()), locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """Return the form of a catalogue that the server reads."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def update(language: str) -> int:
    """Bring the catalogue of a language up to date; return how many texts are untranslated."""
    path = po_path(language)
    catalogue = read_catalogue(language) if path.exists() else Catalog(locale=language)
    catalogue.update(template_texts(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version, catalogue.fuzzy = "Redshank", "", False
    catalogue.header_comment = f"# The texts of Redshank's pages: {LANGUAGES[language]}."
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, omit_header=False, no_location=True, sort_output=True)
    path.write_bytes(stream.getvalue())
    path.with_suffix(".mo").write_bytes(compiled(read_catalogue(language)))
    return sum(1 for message in catalogue if message.id and not message.string)


if __name__ == "__main__":
    for each in TRANSLATED:
        print(each, update(each), "untranslated")  # noqa: T201
