from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from exporter.installation.command import install, uninstall
from exporter.installation.units import PUSHING, SCRAPED, UnitSet
from tests.exporter.command_runner import EndedCommand, ended


class Installation:
    """Records what is installed."""

    def __init__(self) -> None:
        self.push: Mapping[str, str] = {}
        self.options: Sequence[str] = ()

    def install(
        self, program: Path, python: str, push: Mapping[str, str], options: Sequence[str]
    ) -> UnitSet:
        del program, python
        self.push, self.options = push, options
        return PUSHING if push else SCRAPED

    def uninstall(self) -> list[Path]:
        return []


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch) -> Installation:
    found = Installation()
    monkeypatch.delenv("REDSHANK_PUSH_KEY", raising=False)
    monkeypatch.setattr("exporter.installation.command._installation", lambda _: found)
    return found


def installed(*arguments: str) -> EndedCommand:
    return ended(lambda words: install(words, "redshank-exporter.pyz install"), *arguments)


def test_options_of_the_exporter_are_installed_in_their_order(installation: Installation) -> None:
    push = ("--push", "https://monitor", "--key", "a-key")
    options = ("--no-collector.processes", "--textfile-directory", "/srv/metrics")
    result = installed(*options, *push, "--log-level=warn", "--", "--push-interval", "1")
    assert result.status == 0, result.output
    assert installation.push == {"REDSHANK_URL": "https://monitor", "REDSHANK_PUSH_KEY": "a-key"}
    expected = [*options, "--log-level=warn", "--push-interval", "1"]
    assert list(installation.options) == expected
    assert "pushes to https://monitor" in result.output


def test_key_may_begin_with_a_hyphen(installation: Installation) -> None:
    result = installed("--push", "https://monitor", "--key=-a-key")
    assert result.status == 0, result.output
    assert installation.push["REDSHANK_PUSH_KEY"] == "-a-key"


def test_exporter_is_scraped_without_a_server_to_push_to(installation: Installation) -> None:
    result = installed()
    assert (result.status, installation.push, list(installation.options)) == (0, {}, [])
    assert "serves http://localhost:9100/metrics" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--push", "https://monitor"), "--push and --key belong together"),
        (("--key", "a-key"), "--push and --key belong together"),
        (("--push", "https://a", "--key", "$(id)"), "REDSHANK_PUSH_KEY has a character"),
    ],
)
def test_wrong_options_install_nothing(
    installation: Installation, arguments: tuple[str, ...], text: str
) -> None:
    result = installed(*arguments)
    assert result.status == 2
    assert text in result.output
    assert installation.push == {}


@pytest.mark.usefixtures("installation")
def test_host_without_an_exporter_is_left_as_it_is() -> None:
    result = ended(lambda words: uninstall(words, "redshank-exporter.pyz uninstall"))
    assert (result.status, result.output) == (0, "nothing is installed\n")
