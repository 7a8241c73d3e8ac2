import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.product.collection.devices import VisitorDevice, device_of
from analytics.product.collection.visitors import Visitor

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15"
PIXEL = "Mozilla/5.0 (Linux; Android 10; K)"


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (f"{WINDOWS} {WEBKIT} Chrome/126.0.0.0 Safari/537.36", ("Chrome", "126", "Windows")),
        (
            f"{WINDOWS} {WEBKIT} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.68",
            ("Edge", "126", "Windows"),
        ),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            ("Firefox", "128", "Linux"),
        ),
        (
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
            ),
            ("Safari", "18", "macOS"),
        ),
        (
            f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/126.0.0.0 Safari/537.36",
            ("Chrome", "126", "Chrome OS"),
        ),
    ],
)
def test_desktop_browsers_are_read_from_the_user_agent(
    agent: str, expected: tuple[str, str, str]
) -> None:
    assert device_of(Visitor("", agent)) == VisitorDevice(*expected, "Desktop")


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        (
            f"{IPHONE} (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
            VisitorDevice("Safari", "18", "iOS", "Mobile"),
        ),
        (
            f"{IPHONE} (KHTML, like Gecko) CriOS/126.0 Mobile/15E148 Safari/604.1",
            VisitorDevice("Chrome", "126", "iOS", "Mobile"),
        ),
        (
            f"{PIXEL} {WEBKIT} SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
            VisitorDevice("Samsung Internet", "25", "Android", "Mobile"),
        ),
        (
            f"{PIXEL} {WEBKIT} Chrome/126.0.0.0 Safari/537.36",
            VisitorDevice("Chrome", "126", "Android", "Tablet"),
        ),
        (
            (
                "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15"
                " (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1"
            ),
            VisitorDevice("Safari", "16", "iOS", "Tablet"),
        ),
        (
            f"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) {WEBKIT} Version/6.0 TV Safari/537.36",
            VisitorDevice("", "", "Linux", "TV"),
        ),
        ("NetFront/3.5 (PalmOS)", VisitorDevice("", "", "", "")),
        ("", VisitorDevice("", "", "", "")),
    ],
)
def test_other_devices_are_told_apart_and_unknown_ones_stay_unknown(
    agent: str, expected: VisitorDevice
) -> None:
    assert device_of(Visitor("", agent)) == expected


def test_client_hints_count_before_the_frozen_user_agent() -> None:
    agent = f"{PIXEL} {WEBKIT} Chrome/126.0.0.0 Mobile Safari/537.36"
    brands = '"Not/A)Brand";v="8", "Chromium";v="126", "Brave";v="126"'
    assert device_of(Visitor("", agent, brands, '"Android"', "?1")) == VisitorDevice(
        "Brave", "126", "Android", "Mobile"
    )
    desktop = '"Microsoft Edge";v="127", "Chromium";v="127"'
    assert device_of(Visitor("", "", desktop, '"Windows"', "?0")) == VisitorDevice(
        "Edge", "127", "Windows", "Desktop"
    )
    assert device_of(Visitor("", "", '"Chromium";v="9"')).browser == "Chrome"


@given(st.text(), st.text(), st.text(), st.text())
def test_no_header_is_too_strange(agent: str, brands: str, platform: str, mobile: str) -> None:
    found = device_of(Visitor("", agent, brands, platform, mobile))
    assert found.kind in ("", "Desktop", "Mobile", "Tablet", "TV")
