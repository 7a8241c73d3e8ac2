"""Finds texts in templates and scripts that no call marks for translation."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.web.http.viewing.extraction import ROOT, SCRIPTS

UNTRANSLATED_ROOMS: Final = frozenset({"design"})
"""Features whose pages are in English only: the page of components is for developers."""

NAMES: Final = frozenset(
    {"API", "Apache", "Apdex", "Apprise", "Atom", "CSV", "Ctrl", "Enter", "Esc", "Grafana", "JSON"}
    | {"Prometheus", "PromQL", "Python", "RSS", "Redshank", "URL", "UTC", "Webhook", "curl"}
    | {"redshank", "xx", "yml", "min", "ms", "fsS"}
)
"""Words that are the same in every language."""

_JINJA: Final = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
_LITERAL: Final = re.compile(r"<(code|kbd|pre|script|style)\b.*?</\1>", re.DOTALL)
_TAG: Final = re.compile(r"<[^<>]*>", re.DOTALL)
_SHOWN: Final = re.compile(r"\s(?:title|aria-label|alt|data-title)=\"([^\"]*)\"")
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


def template_leftovers() -> Iterator[tuple[str, str]]:
    """Yield the templates with texts outside of calls, and the words."""
    for path in sorted(ROOT.glob("web/*/templates/*.html")):
        if path.parts[-3] in UNTRANSLATED_ROOMS:
            continue
        # What templates compute has no words of its own here.
        source = _LITERAL.sub(" ", _JINJA.sub("", path.read_text()))
        shown = [*_SHOWN.findall(source), _TAG.sub(" ", source)]
        words = [word for text in shown for word in _WORD.findall(text) if word not in NAMES]
        if words:
            yield path.relative_to(ROOT).as_posix(), " ".join(words)


_UNSEEN: Final = re.compile(
    r"(?:^|\s)//.*?$|/\*.*?\*/|console\.\w+\(.*?\);", re.DOTALL | re.MULTILINE
)
_STRING: Final = re.compile(r'"((?:[^"\\\n]|\\.)*)"|`([^`]*)`')
_SENTENCE: Final = re.compile(r"^[A-Z][a-z]+(?: [\w,;:'().%…]+)+[.…?]?$|^[A-Z][a-z]+…$")
_CALL: Final = re.compile(r'\bt[np]?\((?:\s*"(?:[^"\\\n]|\\.)*",?)+')


def script_leftovers() -> Iterator[tuple[str, str]]:
    """Yield the scripts with sentences outside of calls, and the sentences."""
    for path in _scripts():
        source = _CALL.sub("t(", _UNSEEN.sub(" ", path.read_text()))
        for plain, template in _STRING.findall(source):
            text = plain or re.sub(r"\$\{[^}]*\}", "x", template)
            if _SENTENCE.match(text):
                yield path.relative_to(SCRIPTS).as_posix(), text


def _scripts() -> Iterator[Path]:
    for path in sorted(SCRIPTS.rglob("*.js")):
        room = path.relative_to(SCRIPTS).parts[0]
        if room not in {"texts", "vendor", *UNTRANSLATED_ROOMS}:
            yield path
