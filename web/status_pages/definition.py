"""The definition of a status page, as editors write it."""

import re
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, model_validator

from alerting.check_settings import CheckName
from model.base_models import DeferredModel
from promql.api import ParseError
from promql.syntax.parser import parse
from web.http.viewing.zone_names import KnownZoneName

SLUG: Final = r"[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?"
_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_RESERVED: Final = frozenset({"new"})


def _slug(text: str) -> str:
    if text in _RESERVED:
        raise ValueError("is reserved; choose another one")
    return text


def _domain(text: str) -> str:
    text = text.strip().lower().rstrip(".")
    if text and not _DOMAIN.fullmatch(text):
        raise ValueError("write a host name alone, such as status.example.com")
    return text


Slug = Annotated[str, StringConstraints(pattern=f"^{SLUG}$"), AfterValidator(_slug)]
"""The last part of a page's address."""
ComponentId = Annotated[str, StringConstraints(pattern=f"^{SLUG}$")]
_Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
_Reference = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _StatusPart(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class StatusComponent(_StatusPart):
    """One line of a status page.

    Attributes:
        id: stays the same while the name changes: the history belongs to it.
        name: what the public reads in place of host names and addresses.
        kind: what its state comes from.
        probe: the name of a probe.
        host: the `instance` label of a host.
        check: of the host; "" for any check.
        expression: PromQL whose lowest value is 1 (operational), 0 (down) or between (degraded).
        show_response: whether the response times of its probe are public.
    """

    id: ComponentId
    name: _Title
    kind: Literal["probe", "host", "check", "query"]
    probe: _Reference = ""
    host: _Reference = ""
    check: Literal[""] | CheckName = ""
    expression: Annotated[str, Field(max_length=10_000)] = ""
    show_response: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Self:
        needed = {"probe": "probe", "host": "host", "check": "host", "query": "expression"}
        field = needed[self.kind]
        if not getattr(self, field).strip():
            raise ValueError(f"{field}: missing for a component of the kind {self.kind}")
        if self.kind == "query":
            try:
                parse(availability(self.expression))
            except ParseError as exc:
                raise ValueError(f"expression: {exc}") from None
        return self


def availability(expression: str) -> str:
    """Return the PromQL of the lowest value of an expression."""
    # On a line of its own: a comment at the end must not swallow the bracket.
    return f"min((\n{expression}\n))"


class StatusGroup(_StatusPart):
    """Components under one heading; "" for none."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    components: Annotated[tuple[StatusComponent, ...], Field(max_length=200)] = ()


class PlannedMaintenance(_StatusPart):
    """A maintenance window that the page shows, under a title for the public.

    Attributes:
        window: the id of the maintenance window.
        components: the ids of those in maintenance; empty for all.
    """

    window: Annotated[str, Field(min_length=1, max_length=100)]
    title: _Title
    components: Annotated[tuple[ComponentId, ...], Field(max_length=200)] = ()


class StatusPage(_StatusPart):
    """A public page.

    Attributes:
        slug: its address is `/status/SLUG`.
        domain: a host name of its own, whose requests get this page; "" for none.
        accent: the colour of headings and links; it is darkened or lightened until it is
            readable.
        time_zone: whose days the bars show.
        automatic_incidents: whether the server opens an incident while a component is down.
        published: whether the public sees it.
    """

    slug: Slug
    title: _Title
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)] = ""
    domain: Annotated[str, Field(max_length=253), AfterValidator(_domain)] = ""
    accent: Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")] = "#1d5b94"
    time_zone: KnownZoneName = "UTC"
    groups: Annotated[tuple[StatusGroup, ...], Field(max_length=50)] = ()
    maintenance: Annotated[tuple[PlannedMaintenance, ...], Field(max_length=50)] = ()
    automatic_incidents: bool = False
    published: bool = True

    @property
    def components(self) -> tuple[StatusComponent, ...]:
        """Those of all groups."""
        return tuple(one for group in self.groups for one in group.components)

    @model_validator(mode="after")
    def _unique(self) -> Self:
        ids = [one.id for one in self.components]
        if repeated := next((one for one in ids if ids.count(one) > 1), None):
            raise ValueError(f'groups: two components have the id "{repeated}"')
        if len(ids) > 300:
            raise ValueError("groups: at most 300 components on one page")
        for planned in self.maintenance:
            if unknown := set(planned.components) - set(ids):
                raise ValueError(f"maintenance: no component has the id {min(unknown)}")
        return self
