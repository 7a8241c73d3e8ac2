"""The texts that a page shows, apart from the data of users and hosts.

Data is in an element for data: `bdi` (names, which may run from right to left), `code` (queries,
label sets, paths), or one with `translate="no"`, where the element takes no others within it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from playwright.async_api import Page

from tests.web.http.viewing.extraction import forms_of, read_catalogue

NAMES: Final = frozenset(
    {"Redshank", "API", "PromQL", "Prometheus", "Grafana", "JSON", "CSV", "RSS", "Atom", "SVG"}
    | {"HTTP", "TCP", "DNS", "TLS", "URL", "UTC", "CPU", "SSD", "OpenMetrics", "OIDC", "Esc"}
    | {"Markdown", "Alertmanager", "DuckDB", "SQLite", "Linux", "Docker", "Ctrl", "Enter"}
    | {"English", "Deutsch", "Español", "Python", "Apdex", "tcp", "udp"}
    # Units.
    | {"min", "ms", "kB", "MB", "GB", "TB", "KiB", "MiB", "GiB", "TiB", "kB/s", "MB/s", "Mbit/s"}
)
"""Words that are the same in every language: names of products and formats, units."""

_COLLECT: Final = """() => {
    const DATA = 'bdi, code, kbd, samp, pre, textarea, [translate="no"]';
    const UNSEEN = "script, style, noscript";
    const flat = (text) => text.trim().replace(/\\s+/g, " ");
    const texts = new Map();
    const data = new Set();
    const add = (text, element, isExample = false) => {
        if (!flat(text) || isExample) return;
        if (element.closest(DATA)) data.add(flat(text));
        else if (!texts.has(flat(text))) texts.set(flat(text), place(element));
    };
    const place = (element) => {
        const parts = [];
        for (let one = element; one && parts.length < 4; one = one.parentElement) {
            const classes = [...one.classList].map((name) => `.${name}`).join("");
            parts.unshift(one.localName + (one.id ? `#${one.id}` : "") + classes);
        }
        return parts.join(" > ");
    };
    const look = (root) => {
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const parent = walker.currentNode.parentElement ?? document.body;
            if (!parent.closest(UNSEEN)) add(walker.currentNode.data, parent);
        }
        for (const name of ["title", "aria-label", "placeholder", "alt", "data-title", "label"]) {
            for (const element of root.querySelectorAll(`[${name}]`)) {
                const text = element.getAttribute(name);
                // Examples of names, addresses and matchers are no texts.
                add(text, element, name === "placeholder" && /^\\S+$|=/.test(text));
            }
        }
        for (const { content } of root.querySelectorAll("template")) look(content);
    };
    look(document.body);
    for (const part of document.title.split(" · ")) add(part, document.body);
    return { texts: [...texts], data: [...data] };
}"""
"""Returns the texts of a page with their places, and its data: hidden texts and templates too."""

_WORD: Final = re.compile(r"[^\W\d_]{2,}(?:[/-][^\W\d_]+)*")
_PROSE: Final = re.compile(r"[(“„«]?[^\W\d_]+(?:['\u2019-][^\W\d_]+)*[)”“».,:;?!…]*")
"""A word of a sentence; names of series and functions, such as `node_load1`, do not match."""
_PLACE: Final = re.compile(r"%\(\w+\)s")
_RUN: Final = 4
"""So many English words in a row are a sentence that nobody translated."""


@dataclass(frozen=True, slots=True)
class ShownTexts:
    """The texts of a page.

    Attributes:
        texts: where each of them stands.
        data: the texts of elements for data.
    """

    texts: dict[str, str]
    data: frozenset[str]

    @classmethod
    async def of(cls, page: Page) -> "ShownTexts":
        """Return those of a page as it is."""
        found: dict[str, Any] = await page.evaluate(_COLLECT)
        return cls(dict(found["texts"]), frozenset(found["data"]))


def words_of(text: str) -> list[str]:
    """Return the words of a text, without those that all languages share."""
    return [word for word in _WORD.findall(text) if word not in NAMES]


def _runs(text: str) -> Iterable[tuple[str, ...]]:
    words = text.split()
    for start in range(len(words) - _RUN + 1):
        run = tuple(words[start : start + _RUN])
        if all(map(_PROSE.fullmatch, run)):
            yield run


class EnglishTexts:
    """The texts of the pages in English."""

    def __init__(self) -> None:
        self._texts: set[str] = set()
        self._runs: set[tuple[str, ...]] = set()

    def add(self, shown: ShownTexts) -> None:
        """Add the texts of a page."""
        for text in shown.texts:
            self._texts.add(text)
            self._runs.update(_runs(text))

    def left(self, shown: ShownTexts, language: str) -> list[str]:
        """Return the English texts on a page in another language, each with its place."""
        translations = translation_patterns(language)
        return sorted(
            f"{text!r} in {place}"
            for text, place in shown.texts.items()
            if text not in shown.data
            and self._is_english(text, shown.data)
            and not any(pattern.fullmatch(text) for pattern in translations)
        )

    def _is_english(self, text: str, data: frozenset[str]) -> bool:
        if text in self._texts:
            return bool(words_of(text))
        for one in sorted(data, key=len, reverse=True):
            text = text.replace(one, " ")
        return any(run in self._runs for run in _runs(text))


@cache
def translation_patterns(language: str) -> tuple[re.Pattern[str], ...]:
    """Return what the texts of a language look like: some are the same in English, as Status."""
    messages = [message for message in read_catalogue(language) if message.id]
    forms = {form for message in messages for form in forms_of(message)}
    with_words = (form for form in forms if _WORD.search(_PLACE.sub("", form)))
    return tuple(re.compile(".+".join(map(re.escape, _PLACE.split(form)))) for form in with_words)
