"""The `http_config` of receivers as the settings of the scraper's HTTP client.

Only a server with an `alertmanager.yml` imports this.
"""

from collections.abc import Iterator

from pydantic import ValidationError

from alerting.routing.files.http_config import HttpSection, TlsSection
from model.documents import Place
from scraper.configuration.http_settings import HttpSettings, TlsSettings


def http_settings(section: HttpSection) -> HttpSettings:
    """Return the settings of a section.

    Raises:
        ValidationError: the client cannot do what the section asks for.
    """
    return HttpSettings.model_validate(section.model_dump(exclude_defaults=True))


def tls_settings(section: TlsSection) -> TlsSettings:
    """Return the settings of a section.

    Raises:
        ValidationError: the client cannot do what the section asks for.
    """
    return TlsSettings.model_validate(section.model_dump(exclude_defaults=True))


def http_problems(section: HttpSection) -> Iterator[tuple[Place, str]]:
    """Yield what the client cannot do of a section: the place in it, and a message."""
    try:
        http_settings(section)
    except ValidationError as exc:
        for error in exc.errors(include_url=False, include_input=False):
            is_unknown = error["type"] == "extra_forbidden"
            message = error["msg"].removeprefix("Value error, ")
            yield error["loc"], "Redshank does not support this key" if is_unknown else message
