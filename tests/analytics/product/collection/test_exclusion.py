import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.bots import is_bot
from analytics.product.collection.exclusion import (
    ExclusionError,
    checked_agents,
    checked_networks,
    exclusion_of,
)
from analytics.product.collection.visitors import Visitor
from storage.api.projects import CollectionSettings
from storage.api.visits.exclusions import ExclusionReason

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/126.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0;"
            " +http://www.bing.com/bingbot.htm) Chrome/126.0.0.0 Safari/537.36"
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2;"
            " +https://openai.com/gptbot)"
        ),
        CHROME.replace("Chrome/", "HeadlessChrome/"),
        "curl/8.5.0",
    ],
)
def test_bots_are_recognised(agent: str) -> None:
    assert exclusion_of(Visitor("192.0.2.1", agent), CollectionSettings()) is ExclusionReason.BOT


@pytest.mark.parametrize(
    "agent",
    [
        CHROME,
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
        ),
        "",
    ],
)
def test_people_are_not_taken_for_bots(agent: str) -> None:
    assert exclusion_of(Visitor("192.0.2.1", agent), CollectionSettings()) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::1%eth0", True),
        ("2001:db9::1", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_own_visits_are_recognised_by_their_address(address: str, expected: bool) -> None:
    settings = CollectionSettings(excluded_addresses=("192.0.2.0/24", "2001:db8::/32"))
    found = exclusion_of(Visitor(address, CHROME), settings)
    assert found is (ExclusionReason.ADDRESS if expected else None)


def test_own_visits_are_recognised_by_their_user_agent() -> None:
    settings = CollectionSettings(excluded_agents=("ourkiosk",))
    assert exclusion_of(Visitor("", f"{CHROME} OurKiosk/1"), settings) is ExclusionReason.USER_AGENT
    assert exclusion_of(Visitor("", CHROME), settings) is None


def test_networks_are_kept_in_their_usual_form() -> None:
    assert checked_networks(["192.0.2.7/24", "192.0.2.0/24", "2001:DB8::1"]) == (
        "192.0.2.0/24",
        "2001:db8::1/128",
    )
    for bad in (["shop"], ["192.0.2.0/33"], [""], ["10.0.0.0/8"] * 201):
        with pytest.raises(ExclusionError, match="excludedAddresses"):
            checked_networks(bad)


def test_an_empty_part_of_a_user_agent_would_exclude_everybody() -> None:
    assert checked_agents([" Kiosk ", "Kiosk"]) == ("Kiosk",)
    for bad in ([""], ["  "], ["x" * 201], [str(number) for number in range(201)]):
        with pytest.raises(ExclusionError, match="excludedUserAgents"):
            checked_agents(bad)


@given(st.text())
def test_no_user_agent_is_too_strange(agent: str) -> None:
    assert is_bot(agent) in (True, False)
