"""The funnel builder: steps with bars, who dropped off, and the persons behind each number."""

from collections.abc import Mapping
from typing import Any, Final

from multidict import MultiDict, MultiMapping

from analytics.product.definitions import FunnelDefinition, ReportKind
from analytics.product.funnels import MOST_STEPS, Outcome, PersonsAt
from analytics.statistics.funnel import FunnelOrder
from storage.api.projects import Project
from web.http.errors import BadRequestError
from web.http.viewing.texts import marked
from web.product_pages.asked_reports import AskedReport
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields, texts
from web.product_pages.ranges import ChosenRange

_UNITS: Final = {marked("minutes"): 60, marked("hours"): 3600, marked("days"): 86_400}
_DEFAULT_WINDOW: Final = "14"
_LISTED: Final = 100


class FunnelReportPage(AskedReport):
    """The form and the bars."""

    kind = ReportKind.FUNNEL
    page = report_page("/funnel", "Funnel", "funnel_page")
    result = "product_pages/funnel_result.html"

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any] | None:
        """Return the definition that an address asks for, None before a step is chosen."""
        steps = texts(query.getall("step", []))
        if not steps:
            return None
        return {
            **asked_range(chosen),
            "steps": [{"event": step} for step in steps],
            "windowSeconds": _window_s(query),
            "order": given(query, "order") or FunnelOrder.ORDERED,
            "exclusions": [{"event": name} for name in texts(query.getall("exclude", []))],
            "breakdown": given(query, "breakdown") or None,
            "filters": asked_filters(query),
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        found = common_fields(definition)
        for name, key in (("step", "steps"), ("exclude", "exclusions")):
            for each in definition.get(key, ()):
                event = each.get("event") if isinstance(each, dict) else each
                if event:
                    found.add(name, event)
        window_s = definition.get("windowSeconds", 14 * 86_400)
        unit = next(name for name in ("days", "hours", "minutes") if _fits(window_s, name))
        found["window"], found["unit"] = f"{window_s / _UNITS[unit]:g}", unit
        for name in ("order", "breakdown"):
            if definition.get(name):
                found[name] = definition[name]
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""
        steps = texts(query.getall("step", []))
        return {
            "steps": [*steps, *[""] * (2 - len(steps))] if len(steps) < 2 else steps,
            "most_steps": MOST_STEPS,
            "window": given(query, "window") or _DEFAULT_WINDOW,
            "unit": given(query, "unit") or "days",
            "units": list(_UNITS),
            "order": given(query, "order") or FunnelOrder.ORDERED,
            "excluded": texts(query.getall("exclude", [])) or [""],
            "breakdown": given(query, "breakdown"),
        }

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = FunnelDefinition.model_validate(definition)
        questions = parts.analytics.questions
        selection = await questions.selection(project, asked)
        question = await questions.funnel(project, asked)
        report = await parts.analytics.funnels.report(selection, question)
        return {"report": report, "asked_order": asked.order, "breakdown_name": asked.breakdown}

    async def members_part(
        self,
        parts: ReportParts,
        project: Project,
        definition: dict[str, Any],
        query: MultiMapping[str],
    ) -> Mapping[str, Any]:
        """Return the persons behind a number, if the address asks for them."""
        at = given(query, "at")
        if not at:
            return {}
        try:
            by_value = "part" in query
            part = query.get("part", "")
            place = PersonsAt(
                int(at),
                Outcome(given(query, "outcome") or Outcome.TOOK),
                part.removeprefix("=") if part.startswith("=") else None,
                by_value,
            )
        except ValueError as exc:
            raise BadRequestError(f"is invalid: {exc}", "at") from exc
        asked = FunnelDefinition.model_validate(definition)
        selection = await parts.analytics.questions.selection(project, asked)
        question = await parts.analytics.questions.funnel(project, asked)
        found = await parts.analytics.funnels.persons(
            selection, question, place, _LISTED, given(query, "after") or None
        )
        return {"persons": found, "place": place, "step_name": question.labels[place.step - 1]}


def _window_s(query: MultiMapping[str]) -> Any:
    """Return the window in seconds; an invalid one as it is, for the definition to refuse."""
    text, unit = given(query, "window") or _DEFAULT_WINDOW, given(query, "unit") or "days"
    if unit not in _UNITS:
        return unit
    try:
        return round(float(text) * _UNITS[unit])
    except (ValueError, OverflowError):
        return text


def _fits(window_s: int, unit: str) -> bool:
    return unit == "minutes" or window_s % _UNITS[unit] == 0
