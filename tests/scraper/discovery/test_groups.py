import pytest

from scraper.discovery.groups import DiscoveryError, parse_groups


@pytest.mark.parametrize(
    ("text", "is_json", "reason"),
    [
        ("[{", True, "EOF"),
        ('{"targets": []}', True, "valid array"),
        ('[{"targets": [1]}]', True, "valid string"),
        ('[{"target": ["a"]}]', True, "unknown key"),
        ("- targets: a\n", False, "x:1: 0.targets"),
        ("- {targets: [a], targets: [b]}\n", False, "stands twice"),
        ("a: [", False, "x:2"),
    ],
)
def test_malformed_documents_are_rejected(text: str, is_json: bool, reason: str) -> None:
    with pytest.raises(DiscoveryError, match=reason):
        parse_groups(text, "x", is_json=is_json)


def test_empty_file_has_no_groups() -> None:
    assert parse_groups("", "x", is_json=False) == ()
