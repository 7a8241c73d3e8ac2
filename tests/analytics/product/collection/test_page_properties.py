from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.page_properties import page_properties


def properties(url: Any, referrer: Any = None) -> dict[str, str]:
    return page_properties({"$current_url": url, "$referrer": referrer})


def test_host_path_and_campaign_are_read_from_the_address() -> None:
    url = "https://Shop.example/a%20b?utm_source=news&utm_medium=e+mail&x=1&utm_campaign=%C3%BC#top"
    assert properties(url) == {
        "$host": "shop.example",
        "$pathname": "/a%20b",
        "utm_source": "news",
        "utm_medium": "e mail",
        "utm_campaign": "ü",
    }
    assert properties("http://shop.example:8080")["$host"] == "shop.example:8080"
    assert properties("http://shop.example:80")["$host"] == "shop.example"
    assert properties("http://shop.example")["$pathname"] == "/"


def test_the_domain_of_the_referrer_is_the_source() -> None:
    found = properties("https://shop.example/", "https://search.example/?q=shoes")
    assert found["$referring_domain"] == "search.example"


def test_a_link_inside_the_site_is_no_source() -> None:
    assert "$referring_domain" not in properties("https://shop.example/b", "https://shop.example/a")


@pytest.mark.parametrize(
    "url",
    ["", None, 7, [], "javascript:alert(1)", "file:///etc/passwd", "http://", "http://a:b/", "//a"],
)
def test_what_is_no_address_of_a_page_says_nothing(url: Any) -> None:
    assert properties(url, url) == {}


@given(st.text(), st.text())
def test_no_address_is_too_strange(url: str, referrer: str) -> None:
    for each in (url, "https://" + url, "http://a/?utm_source=" + url):
        found = properties(each, "https://" + referrer)
        assert all(len(value) <= 500 for value in found.values())
