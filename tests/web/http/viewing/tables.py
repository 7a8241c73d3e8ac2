"""Texts that tables in the code hold: no call marks them, so they are listed here."""

import importlib
import re
import sys
from collections.abc import Iterator
from typing import Final

from alerting.checks.kinds import KINDS, Unit
from analytics.product.definitions import ReportKind
from model.conditions import CONDITION_KINDS
from storage.api.accounts import Role
from storage.api.agent_sessions.reports import UsageDimension
from storage.api.alerts import AlertState
from storage.api.projects import ProjectRole
from web.audit.titles import ACTION_TITLES
from web.explore.promql_reference import words
from web.hosts.charts.chart_definitions import CHARTS
from web.hosts.listing.columns import COLUMNS
from web.http.pages import Page
from web.palette.sources import action_titles
from web.services import EXPORTER_COMMANDS
from web.status_pages.form_fields import KINDS as COMPONENT_KINDS
from web.status_pages.incidents import IMPACTS, STATES

_PROBE_KINDS: Final = ("HTTP", "TCP", "Ping", "DNS")
_WORDS: Final = ("up", "down", "pending", "paused", "Up", "Down", "Pending", "Paused", "Unknown")
"""Words of enumerations that templates translate by their value."""

_LABEL: Final = re.compile(r"^\{[^}]*\} ")


def pages() -> Iterator[Page]:
    """Yield the pages of all features."""
    importlib.import_module("web.pages")
    for name, module in sorted(sys.modules.items()):
        if name.startswith("web."):
            for page in vars(module).values():
                if isinstance(page, Page):
                    yield page


def page_texts() -> Iterator[str]:
    """Yield the titles and the notices of pages."""
    for page in pages():
        yield page.title
        yield from page.notices.values()


def table_texts() -> Iterator[str]:
    """Yield the texts of tables that the server shows."""
    yield from (column.title for column in COLUMNS)
    yield from (kind.title for kind in KINDS.values())
    yield Unit.PER_CORE.value
    yield from action_titles()
    yield from (title for title, _ in EXPORTER_COMMANDS)
    yield from (*_PROBE_KINDS, *_WORDS, *COMPONENT_KINDS, *IMPACTS, *STATES)
    for one in (*Role, *ProjectRole, *ReportKind, *UsageDimension):
        yield one.value.capitalize()
    yield from ACTION_TITLES.values()
    yield from ("Hour", "Day", "Week", "Month", "route", "consumer", "version")
    for condition in CONDITION_KINDS:
        yield from (condition.summary, condition.fix)


def script_table_texts() -> Iterator[str]:
    """Yield the texts of tables that scripts show."""
    for word in words():
        yield from (word.kind, word.text)
    yield from (state.value.replace("_", " ") for state in AlertState)
    for chart in CHARTS:
        yield from (chart.title, chart.section.value)
        for lines in chart.lines:
            # The value of a label may stand before the text.
            text = _LABEL.sub("", lines.name).strip()
            if text and "{" not in text:
                yield text
