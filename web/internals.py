"""The objects that the web application constructs for itself and its handlers share."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from web.accounts.actions import AccountActions
from web.fleet.fleet import Fleet
from web.fleet.receiver_tests import ReceiverTests
from web.hosts.installation import ExporterInstaller
from web.hosts.register import HostRegister
from web.http.rendering import Renderer
from web.http.viewing.readers import ReaderViews
from web.http.viewing.theme_cookie import ThemeCookie
from web.identity.access_tokens import AccessTokens
from web.identity.authentication import Authenticator
from web.identity.credentials import Credentials
from web.identity.devices import KnownDevices
from web.identity.login import Logins
from web.identity.passwords import Passwords
from web.identity.second_factor import SecondFactors
from web.live.feeds import Feeds
from web.live.shell import Shell
from web.live.socket import MetricsSocket
from web.prometheus.encoding import encode_value
from web.prometheus.server.notifications import NotificationsApi
from web.services import Services
from web.settings import WebSettings
from web.status_pages.on_demand import StatusPagesOnDemand

if TYPE_CHECKING:
    from web.identity.oidc.login import OidcLogin


@dataclass(frozen=True, slots=True, kw_only=True)
class Internals:
    """The shared objects of one application.

    Attributes:
        socket: holds the open WebSocket connections; closed with the application.
        notifications: holds the open streams of notifications; closed with the application.
        passwords: has threads; closed with the application.
        oidc: login at a provider, None without one; closed with the application.
    """

    services: Services
    settings: WebSettings
    renderer: Renderer
    views: ReaderViews
    passwords: Passwords
    second_factors: SecondFactors
    authenticator: Authenticator
    logins: Logins
    oidc: "OidcLogin | None"
    issuer: Credentials
    actions: AccountActions
    fleet: Fleet
    register: HostRegister
    receiver_tests: ReceiverTests
    installer: ExporterInstaller
    shell: Shell
    socket: MetricsSocket
    notifications: NotificationsApi
    status_pages: StatusPagesOnDemand

    @classmethod
    def of(cls, services: Services, settings: WebSettings, renderer: Renderer) -> "Internals":
        """Construct them."""
        accounts, clock, keys = services.accounts, services.clock, services.keys
        passwords = Passwords(services.refusals)
        second_factors = SecondFactors(services.second_factors, keys, clock, services.refusals)
        access_tokens = AccessTokens(accounts, keys, clock, settings.token_lifetime_s)
        authenticator = Authenticator(
            accounts,
            access_tokens,
            clock,
            settings,
            services.web_config,
            services.analytics.keyring,
        )
        devices = KnownDevices(keys, clock, settings)
        issuer = Credentials(accounts, access_tokens, devices, clock, settings)
        logins = Logins(
            accounts,
            passwords,
            second_factors,
            devices,
            keys,
            clock,
            settings,
            services.refusals,
        )
        fleet = Fleet(services)
        views = ReaderViews(services.preferences, services.server_zone)
        shell = Shell(
            renderer,
            fleet,
            services.conditions,
            views,
            ThemeCookie(settings.secure),
            services.clock,
        )
        feeds = Feeds(services, fleet, shell, encode_value)
        return cls(
            services=services,
            settings=settings,
            renderer=renderer,
            views=views,
            passwords=passwords,
            second_factors=second_factors,
            authenticator=authenticator,
            logins=logins,
            oidc=_oidc(services, settings),
            issuer=issuer,
            actions=AccountActions(accounts, clock, passwords, second_factors, logins, issuer),
            fleet=fleet,
            installer=ExporterInstaller(services, settings),
            register=HostRegister(services, fleet),
            receiver_tests=ReceiverTests(services),
            shell=shell,
            socket=MetricsSocket(services, settings, authenticator, fleet, feeds),
            notifications=NotificationsApi(services),
            status_pages=StatusPagesOnDemand(services),
        )


def _oidc(services: Services, settings: WebSettings) -> "OidcLogin | None":
    if settings.oidc is None:
        return None
    # Few servers have a provider.
    from web.identity.oidc.login import OidcLogin

    return OidcLogin(
        settings.oidc,
        settings,
        services.accounts,
        services.identities,
        services.keys,
        services.clock,
    )
