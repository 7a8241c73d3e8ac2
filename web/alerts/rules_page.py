"""The page of rules: every group with its health, and a back-test of rules."""

from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from alerting.views import GroupView, RuleKind, RuleView
from model.documents import render_document
from model.durations import format_duration
from web.alerts.backtests import BacktestDocument, BacktestForm, RuleBacktests
from web.http.errors import BadRequestError, ConflictError
from web.http.pages import Page
from web.http.parameters import read_form
from web.http.routing import Access, Route, Surface
from web.live.shell import Shell
from web.services import Alerting

RULES: Final = Page(
    path="/alert-rules", title="Rules", template="alerts/rules_page.html", parent="/alerts"
)
BACKTEST: Final = Page(
    path="/alert-rules/backtest",
    title="Back-test",
    template="alerts/backtest_page.html",
    access=Access.EDITOR,
    parent="/alerts",
)
_SPANS: Final = ("1d", "7d", "30d", "90d")
_EXAMPLE: Final = """groups:
  - name: mine
    rules:
      - alert: HighLoad
        expr: node_load5 > 4
        for: 10m
"""


class RulesPages:
    """Shows the rules, and back-tests them."""

    def __init__(self, alerting: Alerting, backtests: RuleBacktests, shell: Shell) -> None:
        self._alerting, self._backtests, self._shell = alerting, backtests, shell

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(RULES, self.show),
            self._shell.route(BACKTEST, self.new),
            Route("POST", "/alert-rules/backtest", self.run, Access.EDITOR, Surface.PAGE),
        )

    async def show(self, request: web.Request) -> web.Response:
        """List the groups with their rules."""
        groups = [
            {"group": group, "place": place} for place, group in enumerate(self._alerting.rules())
        ]
        return await self._shell.page(request, RULES, groups=groups)

    async def new(self, request: web.Request) -> web.Response:
        """Show the form; `group` and `rule`, places in the list of rules, fill it."""
        return await self._page(request, {"rules": self._chosen(request) or _EXAMPLE}, {}, None)

    def _chosen(self, request: web.Request) -> str:
        try:
            group = self._alerting.rules()[int(request.query["group"])]
            rule = group.rules[int(request.query["rule"])]
        except (KeyError, ValueError, IndexError):
            return ""
        return rule_file(group, rule)

    async def run(self, request: web.Request) -> web.Response:
        """Run a back-test and show its result."""
        given = await read_form(request)
        try:
            form = BacktestForm.model_validate(
                {name: given[name] for name in ("rules", "since", "interval") if given.get(name)}
            )
            result = await self._backtests.run(form)
        except ValidationError as exc:
            problems = {str(each["loc"][0]): each["msg"] for each in exc.errors() if each["loc"]}
            return await self._page(request, given, problems, None, 400)
        except BadRequestError as exc:
            field = exc.field or ""
            problem = {field: exc.message.removeprefix(f"{field}: ")}
            return await self._page(request, given, problem, None, 400)
        except ConflictError as exc:
            return await self._page(request, given, {"": exc.message}, None, 409)
        return await self._page(request, given, {}, result)

    async def _page(
        self,
        request: web.Request,
        given: dict[str, str],
        problems: dict[str, str],
        result: BacktestDocument | None,
        status: int = 200,
    ) -> web.Response:
        values: dict[str, Any] = {
            "given": {"rules": "", "since": "30d", "interval": "1m", **given},
            "problems": problems,
            "result": result,
            "spans": _SPANS,
        }
        return await self._shell.page(request, BACKTEST, status, **values)


def rule_file(group: GroupView, rule: RuleView) -> str:
    """Return a rule file with one rule of a group."""
    alerting = rule.kind is RuleKind.ALERTING
    text: dict[str, Any] = {"alert" if alerting else "record": rule.name, "expr": rule.query}
    if rule.for_ms:
        text["for"] = format_duration(rule.for_ms)
    if rule.keep_firing_for_ms:
        text["keep_firing_for"] = format_duration(rule.keep_firing_for_ms)
    if rule.recovery:
        text["recovery_expr"] = rule.recovery
    if rule.labels:
        text["labels"] = dict(rule.labels)
    if rule.annotations:
        text["annotations"] = dict(rule.annotations)
    interval = format_duration(group.interval_ms)
    return render_document(
        {"groups": [{"name": group.name, "interval": interval, "rules": [text]}]}
    )
