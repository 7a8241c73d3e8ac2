"""The certificate with which this server scrapes by mTLS: its files, and its renewal."""

import asyncio
import datetime as dt
from collections.abc import Callable
from typing import Final

import structlog

from daemon.configuration.settings import Settings
from daemon.data_directory import DataDirectory
from daemon.errors import CertificateError
from scraper.fetching.secrets import Secret
from scraper.fetching.tls import TlsAccess

log = structlog.get_logger(__name__)

_LOOK_S: Final = 12 * 3600.0


def client_access(directory: DataDirectory) -> TlsAccess:
    """Return the TLS options of scrapes by mTLS; their files may not exist yet."""
    return TlsAccess(
        ca=Secret(file=directory.authority.absolute()),
        cert=Secret(file=directory.scraper_certificate.absolute()),
        key=Secret(file=directory.scraper_key.absolute()),
    )


async def renew(settings: Settings, directory: DataDirectory) -> None:
    """Issue the certificate if `scrape.mtls` is on and it is missing or ends soon.

    A failure is logged; the scrapes report what they lack.
    """
    if not settings.scrape.mtls:
        return
    # Imported here: it makes certificates, which most servers never need.
    from daemon.certificates import renew_scraper

    try:
        if await asyncio.to_thread(renew_scraper, directory, dt.datetime.now(dt.UTC)):
            log.info("scraper_certificate_issued", file=str(directory.scraper_certificate))
    except (CertificateError, OSError) as exc:
        log.warning("scraper_certificate_not_issued", error=str(exc), fix="redshank cert NAME")


async def keep_renewed(settings: Callable[[], Settings], directory: DataDirectory) -> None:
    """Renew the certificate in time until cancelled."""
    while True:
        await asyncio.sleep(_LOOK_S)
        await renew(settings(), directory)
