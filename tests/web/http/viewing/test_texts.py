"""The catalogues have every text of the pages, and pages are shown in the reader's language."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_aiohttp import AiohttpClient

from storage.api.accounts import CredentialKind
from tests.web.http.viewing.extraction import (
    TRANSLATED,
    all_texts,
    compiled,
    forms_of,
    is_translated,
    key_of,
    po_path,
    read_catalogue,
    script_module,
    script_path,
)
from tests.web.http.viewing.leftovers import script_leftovers, template_leftovers
from tests.web.service_doubles import NOW_MS
from tests.web.world import World, world_at
from web.identity.secret_hashes import secret_hash

_PLACEHOLDER = re.compile(r"%\(\w+\)s")
_TAG = re.compile(r"<[^>]+>")


@pytest.fixture
async def world(tmp_path: Path, aiohttp_client: AiohttpClient) -> AsyncIterator[World]:
    async with world_at(tmp_path, aiohttp_client) as world:
        yield world


@pytest.fixture
def blockbuster() -> None:
    """Let the test read files: it needs no event loop."""


@pytest.mark.parametrize("language", TRANSLATED)
def test_catalogue_has_every_text_and_no_other(language: str) -> None:
    known = {key_of(message) for message in read_catalogue(language) if message.id}
    assert known == {key_of(message) for message in all_texts() if message.id}


def test_templates_and_scripts_have_no_text_outside_of_the_catalogue() -> None:
    assert [*template_leftovers(), *script_leftovers()] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_are_whole_and_keep_placeholders_and_tags(language: str) -> None:
    for message in read_catalogue(language):
        if not message.id:
            continue
        text = key_of(message)[1]
        assert is_translated(message), text
        texts = (text, message.id if isinstance(message.id, str) else message.id[1])
        for place, form in enumerate(forms_of(message)):
            for signs in (_PLACEHOLDER, _TAG):
                wanted = signs.findall(texts[min(place, 1)])
                assert sorted(signs.findall(form)) == sorted(wanted), form


@pytest.mark.parametrize("language", TRANSLATED)
def test_files_of_server_and_scripts_are_those_of_the_translators(language: str) -> None:
    # After a change: python -m tests.web.http.viewing.extraction
    catalogue = read_catalogue(language)
    assert po_path(language).with_suffix(".mo").read_bytes() == compiled(catalogue)
    assert script_path(language).read_bytes() == script_module(catalogue)


@pytest.mark.parametrize(
    ("header", "language", "button"),
    [
        ("de-DE,de;q=0.9,en;q=0.8", "de", "Anmelden"),
        ("es", "es", "Iniciar sesión"),
        ("fr", "en", "Log in"),
    ],
)
async def test_login_page_is_in_the_browsers_language(
    world: World, header: str, language: str, button: str
) -> None:
    answer = await world.client.get("/login", headers={"Accept-Language": header})
    text = await answer.text()
    assert f'<html lang="{language}"' in text
    assert f">{button}</button>" in text


async def test_pages_are_in_the_language_of_the_profile(world: World) -> None:
    headers = await world.cookie()
    await world.client.post("/settings", data={"language": "de"}, headers=headers)
    text = await world.page("/settings")
    assert '<html lang="de"' in text
    assert "Zeitzone" in text
    assert "Abmelden" in text


async def test_values_in_translated_sentences_are_escaped(world: World) -> None:
    user = await world.user("<b>%(eve)s</b>")
    await world.accounts.add_credential(
        user.id, CredentialKind.SESSION, secret_hash("x"), "test", NOW_MS, NOW_MS + 86_400_000
    )
    headers = {"Cookie": "redshank_session=x", "Accept-Language": "es"}
    text = await (await world.client.get("/settings", headers=headers)).text()
    assert 'title="Cuenta de &lt;b&gt;%(eve)s&lt;/b&gt;"' in text
