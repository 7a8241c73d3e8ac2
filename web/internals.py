"""What the web application makes for itself, and its handlers share."""

from dataclasses import dataclass

from web.accounts.actions import AccountActions
from web.fleet.fleet import Fleet
from web.hosts.register import HostRegister
from web.http.rendering import Renderer
from web.identity.authentication import Authenticator
from web.identity.passwords import Passwords
from web.identity.second_factor import SecondFactors
from web.live.feeds import Feeds
from web.live.shell import Shell
from web.live.socket import MetricsSocket
from web.prometheus.encoding import encode_value
from web.services import Services
from web.settings import WebSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Internals:
    """One application's own parts.

    Attributes:
        socket: holds the open WebSocket connections, which end with the application.
        passwords: has threads, which end with it too.
    """

    services: Services
    settings: WebSettings
    renderer: Renderer
    passwords: Passwords
    second_factors: SecondFactors
    authenticator: Authenticator
    actions: AccountActions
    fleet: Fleet
    register: HostRegister
    shell: Shell
    socket: MetricsSocket

    @classmethod
    def of(cls, services: Services, settings: WebSettings, renderer: Renderer) -> "Internals":
        """Make them of what the application was handed."""
        passwords = Passwords()
        second_factors = SecondFactors(services.second_factors, services.keys, services.clock)
        authenticator = Authenticator(
            services.accounts, passwords, second_factors, services.keys, services.clock, settings
        )
        fleet = Fleet(services)
        shell = Shell(renderer, fleet)
        feeds = Feeds(services, fleet, shell, encode_value)
        return cls(
            services=services,
            settings=settings,
            renderer=renderer,
            passwords=passwords,
            second_factors=second_factors,
            authenticator=authenticator,
            actions=AccountActions(services, passwords, second_factors, authenticator),
            fleet=fleet,
            register=HostRegister(services, fleet),
            shell=shell,
            socket=MetricsSocket(services, settings, authenticator, fleet, feeds),
        )
