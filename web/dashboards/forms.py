"""Bodies and parameters of `/api/dashboards`."""

from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, StringConstraints

from model.base_models import DeferredModel
from web.dashboards.definition import Dashboard
from web.dashboards.parts import Uid
from web.http.parameters import DIGITS, Parameters

Version = Annotated[int, Field(ge=1, le=2**31)]
Message = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]


class _DashboardForm(DeferredModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewDashboardForm(_DashboardForm):
    """A new dashboard; without a `uid` it gets one."""

    dashboard: Dashboard
    uid: Uid | None = None
    message: Message = ""


class DashboardChangeForm(_DashboardForm):
    """A change, and the version that it starts from."""

    version: Version
    dashboard: Dashboard
    message: Message = ""


class MarkdownForm(_DashboardForm):
    """The Markdown of a text panel."""

    text: Annotated[str, StringConstraints(max_length=100_000)]


class DuplicateForm(_DashboardForm):
    """The title of a copy; by default the title with "copy" after it."""

    title: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)] = ""


class RestoreForm(_DashboardForm):
    """The kept version to make the newest again, and the newest version."""

    version: Version
    restore: Version


class GrafanaForm(DeferredModel):
    """Grafana's JSON of a dashboard, or that JSON as `dashboard` beside other fields."""

    model_config = ConfigDict(extra="allow")

    dashboard: dict[str, Any] | None = None
    title: str | None = None


def _switch(value: object) -> object:
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower(), value)


class GrafanaImportQuery(Parameters):
    """With `overwrite`, the dashboard with the same uid gets a new version."""

    overwrite: Annotated[bool, BeforeValidator(_switch)] = False


class DashboardPath(Parameters):
    """The uid in a path."""

    uid: Uid


class DashboardVersionPath(DashboardPath):
    """The uid and a version in a path."""

    version: Annotated[int, Field(ge=1, le=2**31), DIGITS]
