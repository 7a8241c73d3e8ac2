"""Turns errors into messages of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End the command with the message of an error that we raise on purpose.

    Raises:
        click.ClickException: the block raised such an error, or an OSError.
    """
    from alerting.errors import AlertingError
    from daemon.errors import DaemonError
    from storage.api.errors import StorageError
    from web.http.errors import WebError

    try:
        yield
    except (AlertingError, DaemonError, StorageError, WebError, OSError) as exc:
        raise click.ClickException(str(exc)) from exc
