"""Places for live connections: in all, for each address, and for each session or token."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from model.limits import LimitName, Refusals
from web.http.errors import UnavailableError
from web.http.routing import Principal
from web.settings import WebSettings


class LivePlaces:
    """Counts the live connections; `refusals` counts those that a limit refused."""

    def __init__(self, settings: WebSettings, refusals: Refusals) -> None:
        self._most = {
            LimitName.LIVE_STREAMS: settings.live_streams,
            LimitName.ADDRESS_LIVE_STREAMS: settings.live_streams_per_address,
            LimitName.KEY_LIVE_STREAMS: settings.live_streams_per_key,
        }
        self._refusals = refusals
        self._taken = Counter[tuple[LimitName, str]]()

    @contextmanager
    def of_address(self, network: str) -> Iterator[None]:
        """Hold a place in all, and one of an address; "" is the control socket.

        Raises:
            UnavailableError: there is none.
        """
        with (
            self._held(LimitName.LIVE_STREAMS, "all", "too many live connections"),
            self._held(
                LimitName.ADDRESS_LIVE_STREAMS,
                network,
                "too many live connections from this address",
            ),
        ):
            yield

    @contextmanager
    def of_principal(self, principal: Principal) -> Iterator[None]:
        """Hold a place of a session or token; an anonymous viewer needs none.

        Raises:
            UnavailableError: there is none.
        """
        credential, user = principal.credential, principal.user
        key = f"credential {credential.id}" if credential else f"user {user.id}" if user else ""
        with self._held(
            LimitName.KEY_LIVE_STREAMS, key, "too many live connections of this session or token"
        ):
            yield

    @contextmanager
    def _held(self, limit: LimitName, holder: str, refusal: str) -> Iterator[None]:
        if not holder:
            yield
            return
        place = limit, holder
        if self._taken[place] >= self._most[limit]:
            self._refusals.count(limit)
            raise UnavailableError(f"{refusal}; try again later")
        self._taken[place] += 1
        try:
            yield
        finally:
            self._taken[place] -= 1
            if not self._taken[place]:
                del self._taken[place]
