"""Routes of logins, users and tokens, for programs."""

from collections.abc import Iterator

from web.accounts.api import AccountsApi
from web.accounts.registration_api import RegistrationApi
from web.accounts.second_factor_api import SecondFactorApi
from web.accounts.signing_keys_api import SigningKeysApi
from web.accounts.users_api import UsersApi
from web.http.routing import Route, routes_of
from web.internals import Internals


def account_routes(internals: Internals) -> Iterator[Route]:
    """Return these routes."""
    services, settings = internals.services, internals.settings
    logins, issuer, actions = internals.logins, internals.issuer, internals.actions
    return routes_of(
        AccountsApi(services.accounts, logins, issuer, actions),
        UsersApi(services.accounts, actions),
        SigningKeysApi(services.keys, services.clock, settings),
        SecondFactorApi(internals.second_factors, actions),
        RegistrationApi(settings, logins, issuer, actions),
    )
