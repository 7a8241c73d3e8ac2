"""Browser, operating system and kind of device, from client hints or the user agent.

Only what is common is recognised; everything else stays unknown, because a wrong name is
worse than none.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from analytics.product.collection.visitors import Visitor

_LONGEST: Final = 512
"""Characters of a header that are looked at."""
_CACHED: Final = 4096

# In this order: the later ones appear in the user agents of the earlier ones too.
_BROWSERS: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("Edge", r"\b(?:Edg|EdgA|EdgiOS|Edge)/(\d{1,5})"),
        ("Opera", r"\b(?:OPR|OPiOS|OPX)/(\d{1,5})"),
        ("Samsung Internet", r"\bSamsungBrowser/(\d{1,5})"),
        ("Vivaldi", r"\bVivaldi/(\d{1,5})"),
        ("Yandex", r"\bYaBrowser/(\d{1,5})"),
        ("DuckDuckGo", r"\b(?:DuckDuckGo|Ddg)/(\d{1,5})"),
        ("Firefox", r"\b(?:Firefox|FxiOS)/(\d{1,5})"),
        ("Chrome", r"\b(?:Chrome|CriOS|Chromium)/(\d{1,5})"),
        ("Safari", r"\bVersion/(\d{1,5})\S* (?:Mobile/\S+ )?Safari/"),
    )
)
_SYSTEMS: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("iOS", r"\b(?:iPhone|iPad|iPod)\b"),
        ("Android", r"\bAndroid\b"),
        ("Chrome OS", r"\bCrOS\b"),
        ("Windows", r"\bWindows\b"),
        ("macOS", r"\bMac(?:intosh|OS| OS X)\b"),
        ("Linux", r"\b(?:Linux|X11)\b"),
    )
)
_TABLET: Final = re.compile(r"\biPad\b|\bTablet\b|\bAndroid\b(?!.*\bMobile\b)")
_MOBILE: Final = re.compile(r"\bMobi|\biPhone\b|\biPod\b|\bAndroid\b")
_TELEVISION: Final = re.compile(
    r"\b(?:SmartTV|SMART-TV|AppleTV|GoogleTV|Android TV|HbbTV|BRAVIA)\b"
)

_BRAND: Final = re.compile(r'"([^"]{1,60})";\s*v="(\d{1,5})[^"]*"')
_BRAND_NAMES: Final = {
    "Microsoft Edge": "Edge",
    "Opera": "Opera",
    "Opera GX": "Opera",
    "Samsung Internet": "Samsung Internet",
    "Vivaldi": "Vivaldi",
    "YaBrowser": "Yandex",
    "Brave": "Brave",
    "DuckDuckGo": "DuckDuckGo",
    "Google Chrome": "Chrome",
    "Chromium": "Chrome",
}
"""In order: a browser lists the engine `Chromium` beside its own brand."""
_PLATFORMS: Final = {
    '"Windows"': "Windows",
    '"macOS"': "macOS",
    '"Linux"': "Linux",
    '"Android"': "Android",
    '"Chrome OS"': "Chrome OS",
    '"Chromium OS"': "Chrome OS",
    '"iOS"': "iOS",
}


@dataclass(frozen=True, slots=True)
class VisitorDevice:
    """A visitor's device; "" for what is unknown.

    Attributes:
        browser: the name of the browser.
        browser_version: its major version.
        system: the operating system.
        kind: `Desktop`, `Mobile`, `Tablet` or `TV`.
    """

    browser: str
    browser_version: str
    system: str
    kind: str


def device_of(visitor: Visitor) -> VisitorDevice:
    """Return the device of a visitor.

    Client hints count before the user agent, which browsers freeze.

    Source: WICG, "User-Agent Client Hints".
    """
    return _device(
        visitor.user_agent[:_LONGEST],
        visitor.brands[:_LONGEST],
        visitor.platform[:40],
        visitor.mobile[:4],
    )


@lru_cache(maxsize=_CACHED)
def _device(agent: str, brands: str, platform: str, mobile: str) -> VisitorDevice:
    browser, version = _hinted_browser(brands) or _browser(agent)
    system = _PLATFORMS.get(platform) or _first(_SYSTEMS, agent)
    return VisitorDevice(browser, version, system, _kind(agent, system, mobile))


def _hinted_browser(brands: str) -> tuple[str, str] | None:
    versions = dict(_BRAND.findall(brands))
    for brand, name in _BRAND_NAMES.items():
        if brand in versions:
            return name, versions[brand]
    return None


def _browser(agent: str) -> tuple[str, str]:
    for name, pattern in _BROWSERS:
        if found := pattern.search(agent):
            return name, found[1]
    return "", ""


def _first(patterns: tuple[tuple[str, re.Pattern[str]], ...], agent: str) -> str:
    return next((name for name, pattern in patterns if pattern.search(agent)), "")


def _kind(agent: str, system: str, mobile: str) -> str:
    if _TELEVISION.search(agent):
        return "TV"
    if mobile == "?1":
        return "Mobile"
    if _TABLET.search(agent):
        return "Tablet"
    if mobile != "?0" and _MOBILE.search(agent):
        return "Mobile"
    return "Desktop" if system in ("Windows", "macOS", "Linux", "Chrome OS") else ""
