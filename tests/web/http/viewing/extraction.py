"""Extracts the texts of templates, scripts and tables, and brings the catalogues up to date.

    ./run exec python -m tests.web.http.viewing.extraction

Translate what is new in `web/locales/*/LC_MESSAGES/redshank.po`, and run it again, which
makes the files that the server and its scripts read.
"""

import ast
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from tests.web.http.viewing.messages import OTHER_MESSAGES, raised_messages
from tests.web.http.viewing.promql_messages import PROMQL_MESSAGES, PROMQL_PARTS
from tests.web.http.viewing.tables import page_texts, script_table_texts, table_texts
from web.http.validation import MESSAGES
from web.http.viewing.messages import CONTEXT
from web.http.viewing.texts import DOMAIN, LOCALES
from web.http.viewing.view import LANGUAGES

ROOT: Final = Path(__file__).parents[4]
SCRIPTS: Final = ROOT / "web" / "static"
TRANSLATED: Final = tuple(language for language in LANGUAGES if language != "en")

_JINJA: Final = {
    "trimmed": "true",
    "trim_blocks": "true",
    "lstrip_blocks": "true",
    "silent": "0",
    "newstyle_gettext": "true",
}
_PYTHON: Final = {"gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "marked": None}
_QUOTED: Final = r"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')"""
_SCRIPT: Final = re.compile(rf"(?<![\w.])(t|tn|tp)\(\s*{_QUOTED}(?:,\s*{_QUOTED})?")
"""A call in a script. Babel's extractor misses calls within calls, and those in templates."""

MessageId = str | tuple[str, ...]
Found = Iterator[tuple[str | None, MessageId]]
"""The context of each text, and the text: with its plural if it has one."""


def extracted(method: str, path: Path, keywords: Mapping[str, Any], **options: str) -> Found:
    """Yield the texts that a file marks with calls of the functions `keywords`."""
    content = io.BytesIO(path.read_bytes())
    for _line, message, _comments, context in extract(
        method, content, keywords=keywords, options={"encoding": "utf-8", **options}
    ):
        yield context, message if isinstance(message, str) else tuple(message)


def template_texts() -> Found:
    """Yield the texts of templates."""
    keywords = {"_": None, **_PYTHON}
    for path in sorted(ROOT.glob("web/*/templates/*.html")):
        yield from extracted("jinja2.ext:babel_extract", path, keywords, **_JINJA)


def module_texts() -> Found:
    """Yield the texts of Python modules."""
    for path in sorted(ROOT.glob("web/**/*.py")):
        if re.search(r"from web\.http\.viewing(\.texts)? import", path.read_text()):
            yield from extracted("python", path, _PYTHON)
    for path in sorted((ROOT / "alerting" / "explanation").glob("*.py")):
        yield from extracted("python", path, {"sentence": (2,)})


def script_texts() -> Found:
    """Yield the texts of scripts, and those of tables that scripts show."""
    for path in sorted(SCRIPTS.rglob("*.js")):
        if path.parent.name != "texts" and "vendor" not in path.parts:
            yield from _marked_in_script(path)
    yield from ((None, text) for text in script_table_texts())


def _marked_in_script(path: Path) -> Found:
    for name, *quoted in _SCRIPT.findall(path.read_text()):
        # Strings of JavaScript and Python without line breaks are written alike.
        first, second = (ast.literal_eval(one) if one else "" for one in quoted)
        match name:
            case "t":
                yield None, first
            case "tn":
                yield None, (first, second)
            case _:
                yield first, second


def message_texts() -> Found:
    """Yield the messages of errors that pages show."""
    listed = (*OTHER_MESSAGES, *PROMQL_MESSAGES, *PROMQL_PARTS)
    for text in (*raised_messages(ROOT), *listed, *MESSAGES.values()):
        yield CONTEXT, text


def server_texts() -> Found:
    """Yield the texts that the server writes into pages."""
    yield from template_texts()
    yield from module_texts()
    yield from message_texts()
    yield from ((None, text) for text in (*page_texts(), *table_texts()))


def catalogue_of(texts: Iterable[tuple[str | None, MessageId]]) -> Catalog:
    """Return a catalogue without translations."""
    found = Catalog(domain=DOMAIN, fuzzy=False)
    for context, message in texts:
        found.add(message, context=context)
    return found


def all_texts() -> Catalog:
    """Return every text."""
    return catalogue_of((*server_texts(), *script_texts()))


def po_path(language: str) -> Path:
    """Return the catalogue that translators edit."""
    return LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def script_path(language: str) -> Path:
    """Return the module that scripts import."""
    return SCRIPTS / "texts" / f"{language}.js"


def read_catalogue(language: str) -> Catalog:
    """Return the catalogue of a language."""
    return read_po(io.BytesIO(po_path(language).read_bytes()), locale=language, domain=DOMAIN)


def key_of(message: Message) -> tuple[str | None, str]:
    """Return what tells a text apart from others: its context and its singular."""
    return message.context, message.id if isinstance(message.id, str) else message.id[0]


def compiled(catalogue: Catalog) -> bytes:
    """Return the part of a catalogue that the server needs, in the form that it reads."""
    wanted = {key_of(message) for message in catalogue_of(server_texts())}
    part = Catalog(locale=catalogue.locale, domain=DOMAIN, fuzzy=False)
    # The header of the file has the time.
    part.creation_date, part.revision_date = catalogue.creation_date, catalogue.revision_date
    for message in catalogue:
        if message.id and key_of(message) in wanted and message.string:
            part.add(message.id, message.string, context=message.context)
    stream = io.BytesIO()
    write_mo(stream, part)
    return stream.getvalue()


def script_module(catalogue: Catalog) -> bytes:
    """Return the part of a catalogue that scripts need, as a module with one object."""
    wanted = {key_of(message) for message in catalogue_of(script_texts()) if message.id}
    texts = {
        "|".join(part for part in key_of(message) if part): message.string
        for message in catalogue
        if message.id and key_of(message) in wanted and message.string
    }
    lines = orjson.dumps(texts, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
    return f"// Made by tests/web/http/viewing/extraction.py.\nexport default {lines};\n".encode()


def update(language: str) -> int:
    """Bring the catalogue of a language up to date; return how many texts are untranslated."""
    path = po_path(language)
    catalogue = read_catalogue(language) if path.exists() else Catalog(locale=language)
    catalogue.update(all_texts(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.project, catalogue.version, catalogue.fuzzy = "Redshank", "", False
    catalogue.header_comment = f"# The texts of Redshank's pages: {LANGUAGES[language]}."
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, omit_header=False, no_location=True, sort_output=True)
    path.write_bytes(stream.getvalue())
    written = read_catalogue(language)
    path.with_suffix(".mo").write_bytes(compiled(written))
    script_path(language).parent.mkdir(exist_ok=True)
    script_path(language).write_bytes(script_module(written))
    return sum(1 for message in written if message.id and not is_translated(message))


def is_translated(message: Message) -> bool:
    """Report whether every form of a text has a translation."""
    return all(forms_of(message))


def forms_of(message: Message) -> tuple[str, ...]:
    """Return the translations of a text: one, or one for each form of the plural."""
    found = message.string or ""
    return (found,) if isinstance(found, str) else tuple(found)


if __name__ == "__main__":
    for each in TRANSLATED:
        print(each, update(each), "untranslated")  # noqa: T201
