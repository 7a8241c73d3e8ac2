import click
import pytest

from daemon.commands.errors import errors_as_messages
from daemon.errors import ServerListenError
from storage.api.errors import StorageError


def test_errors_of_the_servers_tasks_are_one_line() -> None:
    in_use = ServerListenError("cannot listen on 127.0.0.1:9190: Address already in use")
    with pytest.raises(click.ClickException) as caught, errors_as_messages():
        raise ExceptionGroup("tasks", [ExceptionGroup("inner", [in_use]), StorageError("no disk")])
    assert caught.value.message == (
        "cannot listen on 127.0.0.1:9190: Address already in use; no disk"
    )


def test_group_with_an_unexpected_error_is_raised() -> None:
    with pytest.raises(ExceptionGroup), errors_as_messages():
        raise ExceptionGroup("tasks", [StorageError("no disk"), ZeroDivisionError()])
