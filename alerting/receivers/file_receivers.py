"""The receivers of an `alertmanager.yml`."""

from collections.abc import Mapping

from alerting.receivers.clients import ReceiverClients
from alerting.receivers.email import EmailReceiver
from alerting.receivers.integration import IntegrationReceiver
from alerting.receivers.receiver import Receiver
from alerting.receivers.rendered import TextSource
from alerting.routing.files.routing_file import RoutingFile
from model.clock import Clock


def integration_receivers(
    file: RoutingFile, clients: ReceiverClients, clock: Clock, timeout_s: float
) -> Mapping[str, Receiver]:
    """Return the receivers of an `alertmanager.yml`, by the names of their integrations.

    Args:
        file: the configuration and its templates.
        clients: make the HTTP clients.
        clock: returns the time that templates may ask for.
        timeout_s: how long one notification may take.
    """
    texts, folder = TextSource(file.library, clock), file.path.parent
    found: dict[str, Receiver] = {}
    for integrations in file.configuration.integrations.values():
        for each in integrations:
            if each.kind == "email":
                found[each.name] = EmailReceiver(each, texts, folder, clients, timeout_s)
            else:
                found[each.name] = IntegrationReceiver(each, texts, folder, clients, timeout_s)
    return found
