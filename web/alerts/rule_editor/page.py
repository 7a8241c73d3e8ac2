"""The rule editor: tests, back-tests and stores the rules that a reader writes."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import ConfigDict, Field, ValidationError

from alerting.views import GroupView, RuleKind, RuleView
from model.base_models import DeferredModel
from model.documents import render_document
from model.durations import format_duration
from storage.api.errors import NotFoundError, StaleVersionError, TakenError
from web.alerts.backtests import BacktestForm, RuleBacktests
from web.alerts.rule_editor.group_forms import Version
from web.alerts.rule_editor.groups_api import changeable, note_change
from web.alerts.rule_editor.unit_tests import EditedRuleTests, RuleTestForm
from web.http.errors import BadRequestError, ConflictError
from web.http.pages import Page
from web.http.parameters import RecordId, read_form
from web.http.routing import Access, Route, Surface, principal_of
from web.live.shell import Shell
from web.management.rule_groups import LONGEST_RULES, ManagedRuleGroups
from web.services import Alerting

BACKTEST: Final = Page(
    path="/alert-rules/backtest",
    title="Rule editor",
    template="alerts/backtest_page.html",
    access=Access.EDITOR,
    parent="/alerts",
)
_SPANS: Final = ("1d", "7d", "30d", "90d")
_TESTS: Final = """evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'node_load5{instance="a"}', values: "1 5x15"}
    alert_rule_test:
      - {eval_time: 5m, alertname: HighLoad, exp_alerts: []}
      - {eval_time: 12m, alertname: HighLoad, exp_alerts: [{exp_labels: {instance: a}}]}
"""
_EXAMPLE: Final = """groups:
  - name: mine
    rules:
      - alert: HighLoad
        expr: node_load5 > 4
        for: 10m
"""


_DEFAULTS: Final = {
    "rules": "",
    "tests": "",
    "since": "30d",
    "interval": "1m",
    "stored": "",
    "version": "",
}


class SavedRulesForm(DeferredModel):
    """Rules to store: as new groups, or as the newest version of the stored group `stored`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Annotated[str, Field(min_length=1, max_length=LONGEST_RULES)]
    stored: RecordId | None = None
    version: Version = 1


class RuleEditorPages:
    """Tests, back-tests and stores rules."""

    def __init__(
        self,
        alerting: Alerting,
        backtests: RuleBacktests,
        tests: EditedRuleTests,
        managed: ManagedRuleGroups | None,
        shell: Shell,
    ) -> None:
        self._alerting, self._backtests, self._shell = alerting, backtests, shell
        self._tests, self._managed = tests, managed

    def routes(self) -> tuple[Route, ...]:
        """Return the routes."""
        return (
            self._shell.route(BACKTEST, self.new),
            Route("POST", "/alert-rules/backtest", self.run, Access.EDITOR, Surface.PAGE),
            Route("POST", "/alert-rules/test", self.test, Access.EDITOR, Surface.PAGE),
            Route("POST", "/alert-rules/save", self.save, Access.EDITOR, Surface.PAGE),
        )

    async def new(self, request: web.Request) -> web.Response:
        """Show the form.

        The stored group `stored`, `group` and `rule` (places in the list of rules), or `expr`
        fill it.
        """
        given = self._stored(request)
        if not given:
            chosen = self._chosen(request) or _of_expression(request)
            given = {"rules": chosen} if chosen else {"rules": _EXAMPLE, "tests": _TESTS}
        return await self._page(request, given, {})

    def _stored(self, request: web.Request) -> dict[str, str]:
        """Return the fields for a stored group, none without `stored`."""
        number = request.query.get("stored", "")
        if self._managed is None or not number:
            return {}
        if not (number.isascii() and number.isdigit()):
            raise NotFoundError("rule group", number)
        stored = self._managed.get(int(number))
        text = self._managed.rule_file([stored])
        return {"rules": text, "stored": number, "version": str(stored.version)}

    def _chosen(self, request: web.Request) -> str:
        try:
            group = self._alerting.rules()[int(request.query["group"])]
            rule = group.rules[int(request.query["rule"])]
        except (KeyError, ValueError, IndexError):
            return ""
        return rule_file(group, rule)

    async def run(self, request: web.Request) -> web.Response:
        """Run a back-test and show its result."""

        async def result(given: dict[str, str]) -> dict[str, Any]:
            names = ("rules", "since", "interval")
            form = BacktestForm.model_validate(_given(given, names))
            return {"result": await self._backtests.run(form)}

        return await self._tried(request, result)

    async def test(self, request: web.Request) -> web.Response:
        """Run unit tests and show their results."""

        async def result(given: dict[str, str]) -> dict[str, Any]:
            form = RuleTestForm.model_validate(_given(given, ("rules", "tests")))
            return {"tested": await self._tests.run(form)}

        return await self._tried(request, result)

    async def save(self, request: web.Request) -> web.Response:
        """Store the rules and evaluate them from now on; redirect to the list of rules."""

        async def result(given: dict[str, str]) -> dict[str, Any]:
            form = SavedRulesForm.model_validate(_given(given, ("rules", "stored", "version")))
            managed, author = changeable(self._managed), principal_of(request).name
            if form.stored is None:
                stored, action = await managed.add_file(form.rules, author), "rule_group.add"
            else:
                changed = await managed.change_by_file(
                    form.stored, form.version, form.rules, author
                )
                stored, action = [changed], "rule_group.change"
            for each in stored:
                note_change(request, action, each)
            raise web.HTTPSeeOther(f"/alert-rules?notice=rules-stored#stored-{stored[0].id}")

        return await self._tried(request, result)

    async def _tried(
        self,
        request: web.Request,
        work: Callable[[dict[str, str]], Awaitable[dict[str, Any]]],
    ) -> web.Response:
        """Show the result of the form, or what is wrong with the form."""
        given = await read_form(request)
        try:
            found = await work(given)
        except ValidationError as exc:
            problems = {str(each["loc"][0]): each["msg"] for each in exc.errors() if each["loc"]}
            return await self._page(request, given, problems, 400)
        except BadRequestError as exc:
            field = exc.field or ""
            problem = {field: exc.message.removeprefix(f"{field}: ")}
            return await self._page(request, given, problem, 400)
        except TakenError as exc:
            text = f"a stored group has the name {exc.value!r}: change the name, or edit that group"
            return await self._page(request, given, {"rules": text}, 409)
        except StaleVersionError as exc:
            return await self._page(request, given, {"version": str(exc.newest)}, 409)
        except ConflictError as exc:
            return await self._page(request, given, {"": exc.message}, 409)
        return await self._page(request, given, {}, **found)

    async def _page(
        self,
        request: web.Request,
        given: dict[str, str],
        problems: dict[str, str],
        status: int = 200,
        **results: Any,
    ) -> web.Response:
        number = given.get("stored", "")
        stored = {} if self._managed is None else {str(one.id): one for one in self._managed.all()}
        values: dict[str, Any] = {
            "given": _DEFAULTS | given,
            "problems": problems,
            "result": None,
            "tested": None,
            "spans": _SPANS,
            "may_store": self._managed is not None,
            "stored": stored.get(number),
            **results,
        }
        return await self._shell.page(request, BACKTEST, status, **values)


def _given(form: dict[str, str], names: tuple[str, ...]) -> dict[str, str]:
    """Return the fields of a form that are filled."""
    return {name: form[name] for name in names if form.get(name)}


def _of_expression(request: web.Request) -> str:
    """Return a rule file for the PromQL in the address, "" without any."""
    expression = request.query.get("expr", "").strip()[:20_000]
    if not expression:
        return ""
    rule = {"alert": "MyAlert", "expr": expression, "for": "5m", "labels": {"severity": "warning"}}
    return render_document({"groups": [{"name": "mine", "interval": "1m", "rules": [rule]}]})


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
