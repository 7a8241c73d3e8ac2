"""The surroundings of one expansion, which some functions need."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from alerting.templates.budget import Budget
from alerting.templates.values.values import SliceValue


class QueryNeededError(Exception):
    """A template needs the result of a query that is not known yet.

    Whoever expands the template runs the query, adds the result to
    `Expansion.results` and expands the template again.
    """

    def __init__(self, query: str) -> None:
        super().__init__(query)
        self.query = query


@dataclass(slots=True)
class Expansion:
    """One expansion of a template.

    Attributes:
        budget: what it may use.
        now_ms: the time of the evaluation.
        external_url: the address under which people reach this server.
        results: of the queries that are known, or the text of a query's error.
    """

    budget: Budget
    now_ms: int = 0
    external_url: str = ""
    results: Mapping[str, SliceValue | str] = field(default_factory=dict)
