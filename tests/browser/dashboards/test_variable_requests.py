"""When the requests for the options of a dashboard's variables are sent."""

from typing import Any, Final

import pytest
from playwright.async_api import Page

pytestmark = pytest.mark.browser

RESOLVE: Final = """async ([variables, wanted]) => {
    const asked = [];
    const release = [];
    globalThis.fetch = (path) => new Promise((resolve) => {
        const url = new URL(path, location);
        asked.push(url.searchParams.get("match[]"));
        const data = url.pathname.includes("/job/") ? ["node", "db"] : ["a", "b"];
        release.push(() => resolve({ json: async () => ({ status: "success", data }) }));
    });
    const { resolve } = await import("/static/dashboards/variables.js");
    const ended = resolve(variables, new Map(wanted), { start_ms: 0, end_ms: 1000 });
    await new Promise((done) => setTimeout(done));
    const first = [...asked];
    while (release.length) {
        release.shift()();
        await new Promise((done) => setTimeout(done));
    }
    const { found, scope } = await ended;
    const later = asked.slice(first.length);
    return [first, later, found.map(({ chosen }) => chosen), scope.get("job").values];
}"""


def variable(name: str, query: str, **fields: Any) -> dict[str, Any]:
    defaults = {"kind": "query", "regex": "", "sort": 0, "multi": False, "include_all": False}
    return {"name": name, "query": query, "all_value": "", "current": [], **defaults, **fields}


HOST: Final = variable("host", 'label_values(up{job=~"$job"}, instance)')
ALL: Final = {"multi": True, "include_all": True, "current": ["$__all"]}
JOB: Final = "label_values(up, job)"


@pytest.fixture
def first_page() -> str:
    return "/explore"


@pytest.fixture
async def explore(page: Page, url: str) -> Page:
    """A page of the server, in which modules are imported."""
    assert page.url.startswith(url)
    return page


async def test_options_wait_only_for_values_that_are_not_known(explore: Page) -> None:
    for fields, wanted, first, later in (
        # One text stands for all values.
        (ALL | {"all_value": ".+"}, [], ["up", 'up{job=~".+"}'], []),
        # Chosen in the address.
        (ALL, [["job", ["db"]]], ["up", 'up{job=~"db"}'], []),
        # All values, which are not known yet.
        (ALL, [], ["up"], ['up{job=~"(node|db)"}']),
        # The first of them.
        ({}, [], ["up"], ['up{job=~"node"}']),
    ):
        variables = [variable("job", JOB, **fields), HOST]
        found = await explore.evaluate(RESOLVE, [variables, wanted])
        assert found[:2] == [first, later], (fields, wanted)
        assert found[2][1] == ["a"]
    assert found[3] == ["node"]


async def test_all_values_are_those_that_the_server_has(explore: Page) -> None:
    variables = [variable("job", JOB, **ALL, all_value=".+"), HOST]
    found = await explore.evaluate(RESOLVE, [variables, []])
    assert found[3] == ["node", "db"]
