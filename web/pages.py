"""The pages of the application: a new page is one line here and one folder."""

from collections.abc import Callable
from typing import Final

from web.accounts.account_page import AccountPages
from web.accounts.login_page import LoginPages
from web.accounts.second_factor_page import SecondFactorPages
from web.accounts.users_page import UsersPages
from web.alerts.page import AlertsPages
from web.audit.page import AuditPages
from web.explore.page import ExplorePages
from web.hosts.add_host_page import AddHostPages
from web.hosts.host_page import HostPages
from web.hosts.keys_page import HostKeyPages, NewKeyPage
from web.hosts.page import HostsPages
from web.http.routing import Handlers
from web.internals import Internals
from web.prometheus.document_types import PrometheusError
from web.server.reference import ReferencePages
from web.store.page import StorePages
from web.targets.discovery_page import DiscoveryPages
from web.targets.page import TargetsPages

PageFactory = Callable[[Internals], Handlers]

PAGES: Final[tuple[PageFactory, ...]] = (
    lambda it: LoginPages(it.renderer, it.logins, it.issuer),
    lambda it: HostsPages(it.services, it.fleet, it.shell),
    lambda it: HostPages(it.services, it.fleet, it.register, it.shell),
    lambda it: HostKeyPages(it.fleet, it.register.keyring, NewKeyPage(it.shell, it.settings)),
    lambda it: AddHostPages(
        it.register,
        it.shell,
        NewKeyPage(it.shell, it.settings),
        it.services.exporter_commands,
    ),
    lambda it: AlertsPages(it.services.alerts, it.services.alerting, it.fleet, it.shell),
    lambda it: ExplorePages(it.shell),
    lambda it: TargetsPages(it.services.targets, it.shell),
    lambda it: DiscoveryPages(it.services.targets, it.services.discovered, it.shell),
    lambda it: StorePages(it.services, it.shell),
    lambda it: AccountPages(it.shell, it.issuer, it.second_factors, it.actions),
    lambda it: SecondFactorPages(it.shell, it.second_factors, it.actions),
    lambda it: UsersPages(it.services.accounts, it.shell, it.second_factors, it.actions),
    lambda it: AuditPages(it.services.audit, it.shell),
    lambda it: ReferencePages(it.renderer, it.settings, it.services.version, PrometheusError),
)
