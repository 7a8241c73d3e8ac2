"""The templates of notifications: the defaults, those of `.tmpl` files, and texts that use them.

Source: Alertmanager documentation, "Notification template reference"; Alertmanager,
template/template.go.
"""

import asyncio
import glob
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from alerting.errors import TemplateError
from alerting.templates.budget import IN_THREAD, ON_LOOP, Budget
from alerting.templates.default_templates import DEFAULT_TEMPLATES
from alerting.templates.evaluator import TemplateEvaluator
from alerting.templates.expansion import Expansion
from alerting.templates.functions.alertmanager import ALERTMANAGER_FUNCTIONS, HTML_FUNCTIONS
from alerting.templates.html_output import HtmlOutput
from alerting.templates.language.nodes import ListNode, is_empty
from alerting.templates.language.parser import TemplateParser
from alerting.templates.notification_data import NotificationValue
from alerting.templates.values.values import LimitExceededError
from model.process.regular_files import open_regular

_MAX_FILE_BYTES = 4_000_000


class NotificationText:
    """One text of a receiver's configuration; build it with `TemplateLibrary.text`."""

    def __init__(self, source: str, trees: Mapping[str, ListNode], *, html: bool) -> None:
        self.source, self._trees, self._is_html = source, trees, html

    def expand(self, data: NotificationValue, now_ms: int, budget: Budget) -> str:
        """Return the text for one notification.

        Raises:
            TemplateError: the template fails; the message is Go's.
            LimitExceededError: the budget is spent.
        """
        expansion = Expansion(budget, now_ms, data.fields["ExternalURL"])
        html = HtmlOutput() if self._is_html else None
        functions = HTML_FUNCTIONS if self._is_html else ALERTMANAGER_FUNCTIONS
        return TemplateEvaluator(self._trees, functions, expansion, html).expand("", data)

    async def expand_bounded(self, data: NotificationValue, now_ms: int) -> str:
        """Return the text for one notification; a template that takes long runs in a thread.

        Raises:
            TemplateError: the template fails or exceeds a limit.
        """
        try:
            return self.expand(data, now_ms, ON_LOOP.start())
        except LimitExceededError:
            pass
        try:
            return await asyncio.to_thread(self.expand, data, now_ms, IN_THREAD.start())
        except LimitExceededError as exc:
            raise TemplateError(str(exc)) from exc


class TemplateLibrary:
    """The templates that texts of receivers can use; later ones replace earlier ones."""

    def __init__(self) -> None:
        self._trees: dict[str, ListNode] = {}
        self.add("", DEFAULT_TEMPLATES)

    @classmethod
    def from_files(cls, patterns: Iterable[str], folder: Path) -> Self:
        """Return the library of the files that match; reads files.

        Args:
            patterns: paths with `*`, as under `templates` of an alertmanager.yml.
            folder: what relative paths start from.

        Raises:
            TemplateError: a file cannot be read or is malformed.
        """
        library = cls()
        for pattern in patterns:
            for path in sorted(glob.glob(str(folder / pattern))):  # noqa: PTH207 - may be absolute
                library.add_file(Path(path))
        return library

    def add_file(self, path: Path) -> None:
        """Add the templates of a file; reads the file.

        Raises:
            TemplateError: it cannot be read or is malformed.
        """
        try:
            with open_regular(path) as file:
                content = file.read(_MAX_FILE_BYTES + 1)
        except OSError as exc:
            raise TemplateError(f"{path}: {exc.strerror}") from exc
        if len(content) > _MAX_FILE_BYTES:
            raise TemplateError(f"{path}: the file is larger than {_MAX_FILE_BYTES} bytes")
        self.add(path.name, content.decode(errors="surrogateescape"))

    def add(self, name: str, source: str) -> None:
        """Add the templates that a text defines, and the text itself by its name.

        Raises:
            TemplateError: it is malformed.
        """
        for defined, tree in TemplateParser(name, source, ALERTMANAGER_FUNCTIONS).parse().items():
            if defined not in self._trees or not is_empty(tree):
                self._trees[defined] = tree

    def text(self, source: str, *, html: bool = False) -> NotificationText:
        """Return a text that can use the templates of the library.

        Args:
            source: the template.
            html: whether the text is HTML, in which values are escaped.

        Raises:
            TemplateError: it is malformed.
        """
        own = TemplateParser("", source, ALERTMANAGER_FUNCTIONS).parse()
        return NotificationText(source, {**self._trees, **own}, html=html)
