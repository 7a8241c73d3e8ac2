"""The funnel builder: steps with bars, who dropped off, and the persons behind each number."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Final

from multidict import MultiDict, MultiMapping

from analytics.product.definitions import MOST_EXCLUSIONS, FunnelDefinition, ReportKind
from analytics.product.funnels import MOST_STEPS, Outcome, PersonsAt
from analytics.statistics.funnel import FunnelOrder
from storage.api.projects import Project
from web.http.errors import BadRequestError
from web.http.viewing.texts import gettext, marked
from web.product_pages.asked_reports import AskedReport
from web.product_pages.condition_fields import (
    ALL,
    EXACT_INTEGERS,
    OPERATORS,
    ConditionFields,
    ConditionGroup,
    asked_groups,
    event_conditions_of,
    has_event_form,
    whole_number,
)
from web.product_pages.parts import ReportParts, given, report_page
from web.product_pages.questions import asked_filters, asked_range, common_fields
from web.product_pages.ranges import ChosenRange

_UNITS: Final = {marked("minutes"): 60, marked("hours"): 3600, marked("days"): 86_400}
_DEFAULT_WINDOW: Final = "14"
_LISTED: Final = 100
_STEP: Final = "step"
_EXCLUDED: Final = "exclude"
_COLUMNS: Final = ((_STEP, "steps"), (_EXCLUDED, "exclusions"))
_PLACES: Final = ("after", "before")
_OPERATOR_NAMES: Final = {
    name: text for group in OPERATORS.values() for name, text in group.items()
}


@dataclass(frozen=True, slots=True)
class EventRow:
    """A step or an exclusion in the form.

    Attributes:
        event: the name of the event.
        is_any: whether any event will do; `event` counts for nothing then.
        group: the conditions on its properties.
        segment: the segment of its persons, "" for everybody.
        after, before: between which steps an exclusion counts, "" for the first and the last.
    """

    event: str = ""
    is_any: bool = False
    group: ConditionGroup = field(default_factory=ConditionGroup)
    segment: str = ""
    after: str = ""
    before: str = ""

    @property
    def is_used(self) -> bool:
        """Whether the row names an event."""
        return self.is_any or bool(self.event)

    @property
    def conditions(self) -> ConditionFields:
        """The conditions on the event."""
        return ConditionFields(ALL, (self.group,) if self.group.conditions else (), self.segment)

    def definition(self) -> dict[str, Any]:
        """Return the step in JSON; an invalid number of a step stays, for the model to refuse."""
        found: dict[str, Any] = {"event": None if self.is_any else self.event}
        if filters := self.conditions.filters():
            found["filters"] = filters
        for name, text in zip(_PLACES, (self.after, self.before), strict=True):
            if text:
                found[name] = whole_number(text)
        return found

    def fields(self, column: str, number: int) -> Iterator[tuple[str, str]]:
        """Return the fields of the form, in order."""
        yield column, self.event
        if self.is_any:
            yield f"{column}_any", str(number)
        yield from self.group.fields(number, f"{column}_")


class FunnelReportPage(AskedReport):
    """The form and the bars."""

    kind = ReportKind.FUNNEL
    page = report_page("/funnel", "Funnel", "funnel_page")
    result = "product_pages/funnel_result.html"

    def definition(self, query: MultiMapping[str], chosen: ChosenRange) -> dict[str, Any] | None:
        """Return the definition that an address asks for, None before a step is chosen."""
        steps = _rows(query, _STEP)
        if not steps:
            return None
        return {
            **asked_range(chosen),
            "steps": [row.definition() for row in steps],
            "windowSeconds": _window_s(query),
            "order": given(query, "order") or FunnelOrder.ORDERED,
            "exclusions": [row.definition() for row in _rows(query, _EXCLUDED)],
            "breakdown": given(query, "breakdown") or None,
            "filters": asked_filters(query),
        }

    def query(self, definition: dict[str, Any]) -> MultiDict[str]:
        """Return the parameters that ask a definition, as far as the form has them."""
        found = common_fields(definition)
        for column, key in _COLUMNS:
            rows = list(_defined(definition, key))
            for number, row in enumerate(rows, 1):
                found.extend(row.fields(column, number))
            for name in ("segment", *_PLACES):
                texts = [getattr(row, name) for row in rows]
                # Each row has one, or none has.
                if any(texts):
                    found.extend((f"{column}_{name}", text) for text in texts)
        window_s = definition.get("windowSeconds", 14 * 86_400)
        unit = next(name for name in ("days", "hours", "minutes") if _fits(window_s, name))
        found["window"], found["unit"] = f"{window_s / _UNITS[unit]:g}", unit
        for name in ("order", "breakdown"):
            if definition.get(name):
                found[name] = definition[name]
        return found

    def form(self, query: MultiMapping[str]) -> Mapping[str, Any]:
        """Return the values of the form."""
        steps = _rows(query, _STEP)
        return {
            "steps": [*steps, *[EventRow()] * (2 - len(steps))],
            "most_steps": MOST_STEPS,
            "window": given(query, "window") or _DEFAULT_WINDOW,
            "unit": given(query, "unit") or "days",
            "units": list(_UNITS),
            "order": given(query, "order") or FunnelOrder.ORDERED,
            "excluded": _rows(query, _EXCLUDED) or [EventRow()],
            "most_exclusions": MOST_EXCLUSIONS,
            "breakdown": given(query, "breakdown"),
        }

    def form_has(self, definition: dict[str, Any]) -> bool:
        """Report whether the form has all conditions of a definition, those of steps included."""
        events = [each for _, key in _COLUMNS for each in definition.get(key) or ()]
        return super().form_has(definition) and all(
            isinstance(each, str)
            or (
                each.keys() <= {"event", "filters", "label", *_PLACES}
                and has_event_form(each.get("filters"))
            )
            for each in events
        )

    async def answer(
        self, parts: ReportParts, project: Project, definition: dict[str, Any]
    ) -> Mapping[str, Any]:
        """Return the values of the result's template."""
        asked = FunnelDefinition.model_validate(definition)
        questions = parts.analytics.questions
        selection = await questions.selection(project, asked)
        question = await questions.funnel(project, asked)
        report = await parts.analytics.funnels.report(selection, question)
        return {
            "report": report,
            "asked_order": asked.order,
            "breakdown_name": asked.breakdown,
            "step_is_any": [not (step.event or step.label) for step in asked.steps],
            # None for conditions that are more than a group: they have no short text.
            "step_conditions": [
                event_conditions_of(step.filters) if has_event_form(step.filters) else None
                for step in asked.steps
            ],
            "operator_names": _OPERATOR_NAMES,
        }

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
        step = asked.steps[place.step - 1]
        return {
            "persons": found,
            "place": place,
            "step_name": step.label or step.event or gettext("any event"),
        }


def _rows(query: MultiMapping[str], column: str) -> list[EventRow]:
    """Return the steps or exclusions that an address asks for."""
    groups, any_event = asked_groups(query, f"{column}_"), query.getall(f"{column}_any", [])
    events = query.getall(column, [])
    further = (query.getall(f"{column}_{name}", []) for name in ("segment", *_PLACES))
    found = []
    for number, (event, *texts) in enumerate(zip_longest(events, *further, fillvalue=""), 1):
        name = str(number)
        own = (text.strip() for text in texts)
        found.append(
            EventRow(event.strip(), name in any_event, groups.get(name, ConditionGroup()), *own)
        )
    return [row for row in found if row.is_used]


def _defined(definition: Mapping[str, Any], key: str) -> Iterator[EventRow]:
    """Return the steps or exclusions of a definition, as far as the form has them."""
    for each in definition.get(key) or ():
        step = each if isinstance(each, dict) else {"event": each}
        conditions = event_conditions_of(step.get("filters"))
        yield EventRow(
            step.get("event") or "",
            step.get("event") is None,
            conditions.groups[0] if conditions.groups else ConditionGroup(),
            conditions.segment,
            *(str(step.get(name) or "") for name in _PLACES),
        )


def _window_s(query: MultiMapping[str]) -> Any:
    """Return the window in seconds; an invalid one as it is, for the definition to refuse."""
    text, unit = given(query, "window") or _DEFAULT_WINDOW, given(query, "unit") or "days"
    if unit not in _UNITS:
        return unit
    try:
        window_s = round(float(text) * _UNITS[unit])
    except (ValueError, OverflowError):
        return text
    # JSON has no longer integers.
    return window_s if abs(window_s) < EXACT_INTEGERS else text


def _fits(window_s: int, unit: str) -> bool:
    return unit == "minutes" or window_s % _UNITS[unit] == 0
