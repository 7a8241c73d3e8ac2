from pathlib import Path

import pytest

from daemon.configuration.settings import load_settings, settings_of
from model.documents import DocumentError, parse_document


def problems(text: str) -> str:
    with pytest.raises(DocumentError) as caught:
        settings_of(parse_document(text, "redshank.yml"))
    return str(caught.value)


def test_empty_configuration_has_all_defaults() -> None:
    settings = settings_of(parse_document("", "redshank.yml"))
    assert settings.server.listen == "127.0.0.1:9190"
    assert settings.scrape.interval == 15


def test_unknown_key_is_refused_with_its_line() -> None:
    text = "server:\n  listen: 127.0.0.1:1\n  lisen: x\n"
    assert problems(text) == "redshank.yml:3: server.lisen: unknown key"


def test_each_invalid_value_is_reported_with_its_place() -> None:
    text = "server:\n  listen: nowhere\nscrape:\n  interval: soon\n"
    lines = problems(text).splitlines()
    assert lines[0].startswith("redshank.yml:2: server.listen: 'nowhere' is not HOST:PORT")
    assert lines[1].startswith("redshank.yml:4: scrape.interval: ")


def test_variable_takes_precedence_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHANK_SCRAPE__INTERVAL", "30s")
    text = "scrape: {interval: 5s, timeout: 2s}"
    settings = settings_of(parse_document(text, "redshank.yml"))
    assert (settings.scrape.interval, settings.scrape.timeout) == (30, 2)


def test_invalid_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHANK_LOG__LEVEL", "loud")
    message = problems("")
    assert "log.level: " in message
    assert message.endswith("(from REDSHANK_LOG__LEVEL)")


def test_variables_of_the_command_line_are_not_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDSHANK_ADMIN_PASSWORD", "secret")
    monkeypatch.setenv("REDSHANK_DATA_DIR", "somewhere")
    with_variables = settings_of(parse_document("", "redshank.yml"))
    monkeypatch.delenv("REDSHANK_ADMIN_PASSWORD")
    monkeypatch.delenv("REDSHANK_DATA_DIR")
    assert with_variables == settings_of(parse_document("", "redshank.yml"))


def test_document_that_is_not_a_mapping_is_refused() -> None:
    assert "must be a mapping" in problems("- a\n")


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"missing\.yml: .*No such file"):
        load_settings(tmp_path / "missing.yml")


def test_default_file_is_found_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "redshank.yml").write_text("log: {level: debug}")
    assert load_settings().log.level == "debug"
