from hypothesis import given
from hypothesis import strategies as st

from web.live.region_html import ROWS, RegionHtml, changes_between

FRAME = f"<table>{ROWS}</table>"


def test_first_message_holds_everything() -> None:
    region = RegionHtml(FRAME, {"a": "<tr a>", "b": "<tr b>"})
    first = {"html": "<table><tr a><tr b></table>", "whole": True}
    assert changes_between(None, region) == first


def test_only_rows_that_changed_are_sent_again() -> None:
    seen = RegionHtml(FRAME, {"a": "<tr a>", "b": "<tr b>"})
    fresh = RegionHtml(FRAME, {"a": "<tr a>", "b": "<tr b2>"})
    assert changes_between(seen, fresh) == {"html": "<tr b2>"}
    assert changes_between(fresh, fresh) is None


def test_another_order_of_the_same_rows_is_sent_as_their_ids() -> None:
    seen = RegionHtml(FRAME, {"a": "<tr a>", "b": "<tr b>"})
    fresh = RegionHtml(FRAME, {"b": "<tr b>", "a": "<tr a2>"})
    assert changes_between(seen, fresh) == {"html": "<tr a2>", "order": ["b", "a"]}


def test_new_row_and_another_frame_send_everything() -> None:
    added = RegionHtml(FRAME, {"a": "1", "b": "2"})
    whole = {"html": "<table>12</table>", "whole": True}
    assert changes_between(RegionHtml(FRAME, {"a": "1"}), added) == whole
    framed = RegionHtml("<b>" + FRAME, added.rows)
    assert changes_between(added, framed) == {"html": "<b><table>12</table>", "whole": True}


def test_region_without_rows_is_its_frame() -> None:
    assert RegionHtml("<p>none</p>").whole() == "<p>none</p>"


ROW_STATES = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from("123"), min_size=1)


@given(st.lists(ROW_STATES.flatmap(lambda rows: st.permutations(list(rows.items())))))
def test_reader_who_applies_every_message_has_the_latest_rows(
    states: list[list[tuple[str, str]]],
) -> None:
    seen: RegionHtml | None = None
    shown: dict[str, str] = {}
    for state in states:
        wanted = dict(state)
        fresh = RegionHtml(f"{ROWS}", {key: f"{key}{value};" for key, value in wanted.items()})
        fields = changes_between(seen, fresh)
        seen = fresh
        if fields is not None:
            rows = {part[0]: part[1:] for part in fields["html"].split(";") if part}
            shown = rows if fields.get("whole") else shown | rows
            if "order" in fields:
                shown = {key: shown[key] for key in fields["order"]}
        assert list(shown.items()) == list(wanted.items())
