"""The feeds of a page's incidents, as Atom and as RSS.

Source: RFC 4287 (Atom); RSS 2.0.
"""

from datetime import UTC, datetime
from email.utils import format_datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from storage.api.status.pages import Incident, IncidentUpdate
from web.status_pages.snapshot import Snapshot
from web.status_pages.words import iso_text

_ATOM = "http://www.w3.org/2005/Atom"


def _text(text: str) -> str:
    """Return a text without the characters that XML has not."""
    return "".join(
        character
        if character in "\t\n" or (character >= " " and character not in "\ufffe\uffff")
        else "\N{REPLACEMENT CHARACTER}"
        for character in text.encode("utf-8", "replace").decode()
    )


def atom(snapshot: Snapshot, url: str) -> bytes:
    """Return the Atom feed; each update of an incident is an entry."""
    feed = Element("feed", xmlns=_ATOM)
    _add(feed, "id", url)
    _add(feed, "title", snapshot.page.title)
    SubElement(feed, "link", href=url)
    SubElement(feed, "link", rel="self", href=f"{url}/feed.atom")
    entries = _entries(snapshot)
    newest_ms = max((update.at_ms for _, update in entries), default=snapshot.time_ms)
    _add(feed, "updated", iso_text(newest_ms))
    author = SubElement(feed, "author")
    _add(author, "name", snapshot.page.title)
    for incident, update in entries:
        entry = SubElement(feed, "entry")
        _add(entry, "id", f"{url}#incident-{incident.id}-{update.at_ms}")
        _add(entry, "title", f"{incident.title} ({update.state})")
        SubElement(entry, "link", href=f"{url}#incident-{incident.id}")
        _add(entry, "updated", iso_text(update.at_ms))
        _add(entry, "summary", update.text)
    return _document(feed)


def rss(snapshot: Snapshot, url: str) -> bytes:
    """Return the RSS feed; each update of an incident is an item."""
    root = Element("rss", version="2.0")
    channel = SubElement(root, "channel")
    _add(channel, "title", snapshot.page.title)
    _add(channel, "link", url)
    _add(channel, "description", snapshot.page.description or snapshot.page.title)
    for incident, update in _entries(snapshot):
        item = SubElement(channel, "item")
        _add(item, "title", f"{incident.title} ({update.state})")
        _add(item, "link", f"{url}#incident-{incident.id}")
        guid = SubElement(item, "guid", isPermaLink="false")
        guid.text = f"{url}#incident-{incident.id}-{update.at_ms}"
        _add(item, "pubDate", format_datetime(datetime.fromtimestamp(update.at_ms / 1000, UTC)))
        _add(item, "description", update.text)
    return _document(root)


def _entries(snapshot: Snapshot) -> list[tuple[Incident, IncidentUpdate]]:
    found = [(each, update) for each in snapshot.incidents for update in each.updates]
    return sorted(found, key=lambda pair: -pair[1].at_ms)


def _add(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _text(text)


def _document(root: Element) -> bytes:
    return b'<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode").encode()
