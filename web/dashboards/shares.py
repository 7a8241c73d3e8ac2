"""Links that show a dashboard without a login: issued, found by their token, revoked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from secrets import token_urlsafe
from typing import Annotated, Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from model.base_models import DeferredModel
from model.clock import Clock
from storage.api.dashboards.shares import (
    DashboardShare,
    DashboardShareRecords,
    NewDashboardShare,
)
from storage.api.errors import CorruptDataError
from web.dashboards.definition import Dashboard
from web.dashboards.interpolation import VariableValues
from web.dashboards.parts import ChoiceText, VariableName
from web.http.errors import BadRequestError, ConflictError
from web.identity.secret_hashes import secret_hash

MOST_SHARES: Final = 50
_TOKEN_BYTES: Final = 24
_DAY_MS: Final = 86_400_000


class SharedChoice(DeferredModel):
    """The values of one variable that a link shares.

    Attributes:
        values: those that a reader of the link may choose from.
        all: whether they are all values: `All` of the variable is then shared.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: Annotated[tuple[ChoiceText, ...], Field(max_length=1000)] = ()
    all: bool = False


SharedChoices = Annotated[dict[VariableName, SharedChoice], Field(max_length=100)]


@dataclass(frozen=True, slots=True)
class IssuedDashboardShare:
    """A new link: its token, of which only a hash is stored."""

    token: str
    share: DashboardShare


class DashboardShares:
    """The links to all dashboards."""

    def __init__(self, records: DashboardShareRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock

    async def issue(
        self, uid: str, choices: Mapping[str, SharedChoice], author: str, days: int
    ) -> IssuedDashboardShare:
        """Create a link that ends after some days.

        Raises:
            ConflictError: the dashboard has as many links as it may.
        """
        if len(await self.live(uid)) >= MOST_SHARES:
            message = f"the dashboard has {MOST_SHARES} links; revoke one"
            raise ConflictError(message, "days")
        token, now_ms = token_urlsafe(_TOKEN_BYTES), self._clock()
        variables = _adapter().dump_json(dict(choices)).decode()
        new = NewDashboardShare(
            secret_hash(token), uid, variables, author, now_ms, now_ms + days * _DAY_MS
        )
        return IssuedDashboardShare(token, await self._records.add(new))

    async def find(self, token: str) -> DashboardShare | None:
        """Return the link of a token, None if there is none or it has ended."""
        return await self._records.find(secret_hash(token), self._clock())

    async def live(self, uid: str) -> Sequence[DashboardShare]:
        """Return the links of a dashboard that have not ended, newest first."""
        return await self._records.live(uid, self._clock())

    async def revoke(self, uid: str, share_id: int) -> None:
        """End a link at once.

        Raises:
            NotFoundError: the dashboard has no such link.
        """
        await self._records.revoke(uid, share_id)


def choices_of(share: DashboardShare) -> dict[str, SharedChoice]:
    """Return the values of variables that a link shares.

    Raises:
        CorruptDataError: they do not decode.
    """
    try:
        return _adapter().validate_json(share.variables)
    except ValidationError as exc:
        message = f"records.db: the values of the share {share.id} do not decode: {exc}"
        raise CorruptDataError(message) from exc


def shared_scope(
    dashboard: Dashboard,
    choices: Mapping[str, SharedChoice],
    chosen: Mapping[str, Sequence[str]],
) -> dict[str, VariableValues]:
    """Return the values that a query of a reader uses.

    Raises:
        BadRequestError: a value is not among those that the link shares.
    """
    scope = {}
    for variable in dashboard.variables:
        choice = choices.get(variable.name, SharedChoice())
        values = tuple(chosen.get(variable.name, choice.values))
        if not set(values) <= set(choice.values):
            message = f"{variable.name}: the link does not share this value"
            raise BadRequestError(message, "values")
        is_list = variable.multi or variable.include_all
        is_all = choice.all and set(values) == set(choice.values)
        scope[variable.name] = VariableValues(values, is_list, variable.all_value if is_all else "")
    return scope


def _adapter() -> TypeAdapter[dict[str, SharedChoice]]:
    return TypeAdapter(SharedChoices)
