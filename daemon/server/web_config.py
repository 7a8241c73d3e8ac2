"""The server's TLS settings: `web.tls`, or a web configuration file."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from daemon.errors import ConfigurationError
from model.web_config.errors import WebConfigError
from model.web_config.live import LiveWebConfig
from web.settings import WebSettings

log = structlog.get_logger(__name__)

_REFRESH_S: Final = 2.0


def open_web_config(settings: WebSettings, *, http2: bool = False) -> LiveWebConfig | None:
    """Return the web configuration, None if there is none; blocks.

    Args:
        settings: section `web` of the configuration.
        http2: whether the server speaks HTTP/2, too.

    Raises:
        ConfigurationError: it, or a file that it names, is invalid.
    """
    # Imported here: most servers stand behind a proxy or in a trusted network.
    from model.web_config.document import read_web_config
    from model.web_config.settings import WebConfig

    try:
        if settings.config_file is not None:
            file = settings.config_file
            read = partial(read_web_config, file)
            return LiveWebConfig(str(file), read, (file,), http2=http2)
        if settings.tls is not None:
            config = WebConfig(tls=settings.tls.server(Path()))
            return LiveWebConfig("web.tls", lambda: config, (), http2=http2)
    except WebConfigError as exc:
        raise ConfigurationError(str(exc)) from exc
    return None


async def follow(live: LiveWebConfig) -> None:
    """Use changed certificates and files until cancelled."""
    while True:
        await asyncio.sleep(_REFRESH_S)
        try:
            if await asyncio.to_thread(live.refresh):
                log.info("web_config_reloaded")
        except WebConfigError as exc:
            log.warning("web_config_refused", error=str(exc), fix="the one before stays in force")
