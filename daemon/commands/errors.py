"""Turns errors into messages of the command line."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from model.process.terminal_text import escape_controls


@contextmanager
def errors_as_messages() -> Iterator[None]:
    """End the command with the message of an error that we raise on purpose.

    Raises:
        click.ClickException: the block raised such an error or an OSError, or a group of them.
    """
    from alerting.errors import AlertingError
    from daemon.errors import DaemonError
    from storage.api.errors import StorageError
    from web.http.errors import WebError

    expected = (AlertingError, DaemonError, StorageError, WebError, OSError)
    try:
        yield
    except expected as exc:
        raise click.ClickException(escape_controls(str(exc))) from exc
    except BaseExceptionGroup as group:
        # The server's tasks wrap the error with which it cannot start.
        if group.split(expected)[1] is not None:
            raise
        texts = dict.fromkeys(str(exc) for exc in _members(group))
        raise click.ClickException(escape_controls("; ".join(texts))) from group


def _members(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for exc in group.exceptions:
        if isinstance(exc, BaseExceptionGroup):
            yield from _members(exc)
        else:
            yield exc
