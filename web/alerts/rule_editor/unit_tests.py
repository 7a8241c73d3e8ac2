"""Unit tests of rules, as `POST /api/rules/test` and for the rule editor."""

import asyncio
import threading
import time
from typing import Annotated, Final

from aiohttp import web
from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from alerting.simulation.immediate_engine import ImmediateEngine
from alerting.simulation.outcomes import FileOutcome
from alerting.simulation.unit_test_file import parse_unit_tests
from alerting.simulation.unit_tests import RuleUnitTests
from model.base_models import DeferredModel
from model.documents import DocumentError
from promql.engine import EngineSettings
from promql.syntax.parser import parse
from storage.api.samples import SampleReader
from web.http.errors import BadRequestError, ConflictError
from web.http.operations import Operation
from web.http.parameters import read_json
from web.http.responses import json_response
from web.http.routing import Access, Route, Surface

_LONGEST_S: Final = 20.0
_MOST_POINTS: Final = 1_000_000
_MOST_EVALUATIONS: Final = 100_000
_MAX_SAMPLES: Final = 5_000_000


class RuleTestForm(DeferredModel):
    """Rules and their unit tests.

    Attributes:
        rules: a rule file.
        tests: a unit-test file of promtool; its `rule_files` are not read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: Annotated[str, Field(min_length=1, max_length=1_000_000)]
    tests: Annotated[str, Field(min_length=1, max_length=1_000_000)]


class RuleTestResultDocument(TypedDict):
    """One test; it has passed if it has no failures, which are in promtool's words."""

    name: str
    failures: list[str]


class RuleTestsDocument(TypedDict):
    """The results of unit tests; `problem` says why none could run."""

    passed: bool
    problem: str
    tests: list[RuleTestResultDocument]


class EditedRuleTests:
    """Runs unit tests of texts, one run at a time, in a thread, for 20 s at most."""

    def __init__(self) -> None:
        self._is_running = False

    async def run(self, form: RuleTestForm) -> RuleTestsDocument:
        """Return the results.

        Raises:
            BadRequestError: the tests are malformed or too large.
            ConflictError: other unit tests run.
        """
        if self._is_running:
            raise ConflictError("other unit tests run: wait until they are done")
        self._is_running, cancelled = True, threading.Event()
        try:
            outcome = await asyncio.to_thread(_outcome, form, cancelled)
        except DocumentError as exc:
            raise BadRequestError(f"tests: {exc}", field="tests") from exc
        finally:
            cancelled.set()
            self._is_running = False
        results: list[RuleTestResultDocument] = [
            {"name": each.name, "failures": list(each.failures)} for each in outcome.tests
        ]
        return {
            "passed": not outcome.failures,
            "problem": outcome.problem,
            "tests": results,
        }


def _outcome(form: RuleTestForm, cancelled: threading.Event) -> FileOutcome:
    """Run the tests; blocks."""
    deadline_s = time.monotonic() + _LONGEST_S

    def stopping() -> str:
        if cancelled.is_set():
            return "the client has gone"
        if time.monotonic() > deadline_s:
            return f"the tests take longer than {_LONGEST_S:g} s: run them with the command line"
        return ""

    read = parse_unit_tests(form.tests, "tests")
    for count, most, what in (
        (read.file.points, _MOST_POINTS, "samples"),
        (read.file.evaluations, _MOST_EVALUATIONS, "evaluations"),
    ):
        if count > most:
            raise BadRequestError(f"tests: more than {most:,} {what}", field="tests")
    tests = RuleUnitTests(parse, _engine, stopping=stopping)
    return asyncio.run(tests.of_texts(read, form.rules).run())


def _engine(samples: SampleReader, step_ms: int) -> ImmediateEngine:
    settings = EngineSettings(
        timeout_s=_LONGEST_S, max_samples=_MAX_SAMPLES, threads=1, default_step_ms=step_ms
    )
    return ImmediateEngine(samples, settings)


class RuleTestsApi:
    """Unit tests of rules as JSON."""

    def __init__(self, tests: EditedRuleTests) -> None:
        self._tests = tests

    def routes(self) -> tuple[Route, ...]:
        """Return the route."""
        operation = Operation("alerts", RuleTestsDocument, RuleTestForm, errors=(409,))
        path = "/api/rules/test"
        return (Route("POST", path, self.test, Access.EDITOR, Surface.JSON, operation=operation),)

    async def test(self, request: web.Request) -> web.Response:
        """Run unit tests of rules, in the format of `promtool test rules`."""
        return json_response(await self._tests.run(await read_json(request, RuleTestForm)))
