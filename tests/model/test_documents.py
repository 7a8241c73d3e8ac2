import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from model.documents import DocumentError, NumberText, parse_document, render_document, validate


class Job(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    targets: list[int] = []


class Root(BaseModel):
    model_config = ConfigDict(extra="forbid")

    jobs: list[Job] = []


def problems(text: str) -> tuple[tuple[int, str], ...]:
    with pytest.raises(DocumentError) as caught:
        validate(Root, parse_document(text, "redshank.yml"))
    return caught.value.problems


def test_every_problem_is_reported_with_its_line() -> None:
    text = "jobs:\n  - name: a\n    targets:\n      - 1\n      - x\n  - nam: b\n"
    found = dict(problems(text))
    assert found[5].startswith("jobs.0.targets.1: Input should be a valid integer")
    assert found[6] in ("jobs.1.nam: unknown key", "jobs.1.name: Field required")
    assert len(problems(text)) == 3


def test_plain_text_keeps_scalars_as_text() -> None:
    text = "a: 1.10\nyes: no\nb: {<<: {c: 0x1F}, d: }\ne: 2024-01-01\n"
    document = parse_document(text, "x", plain_text=True)
    assert document.data == {
        "a": "1.10",
        "yes": "no",
        "b": {"c": "0x1F", "d": None},
        "e": "2024-01-01",
    }


def test_scalars_of_our_own_files_keep_their_text_too() -> None:
    text = "a: 1.10\nb: on\nc: 1:30\nd: 010\ne: 2026-01-01\nf: ~\ng: 5\nh: '5'\n"
    data = parse_document(text, "x").data
    assert data == {
        "a": "1.10",
        "b": "on",
        "c": "1:30",
        "d": "010",
        "e": "2026-01-01",
        "f": None,
        "g": "5",
        "h": "5",
    }
    # A duration may be a number of seconds, if it is not in quotes.
    assert [key for key in data if isinstance(data[key], NumberText)] == ["a", "d", "g"]


@pytest.mark.parametrize("second", ["b: 1", "}{"])
def test_second_document_is_an_error_but_in_files_of_prometheus(second: str) -> None:
    text = f"a: 1\n---\n{second}\n"
    assert parse_document(text, "x", plain_text=True).data == {"a": "1"}
    with pytest.raises(DocumentError, match="x:2"):
        parse_document(text, "x")


@pytest.mark.parametrize("text", ["", "~", "# nothing", "---", "--- \n...\n"])
def test_empty_document_is_an_empty_mapping(text: str) -> None:
    assert parse_document(text, "x", plain_text=True).data == {}


def test_duplicate_key_is_refused() -> None:
    assert problems("jobs: []\njobs: []\n") == ((2, 'key "jobs" stands twice'),)


def test_message_begins_with_file_and_line() -> None:
    with pytest.raises(DocumentError, match=r"^redshank\.yml:2: bad: unknown key$"):
        validate(Root, parse_document("jobs: []\nbad: 1", "redshank.yml"))


def test_empty_document_yields_the_defaults() -> None:
    assert validate(Root, parse_document("# nothing\n", "x")) == Root()


def test_merge_keys_are_resolved() -> None:
    text = "jobs:\n  - &one {name: a, targets: [1]}\n  - {<<: *one, name: b}\n"
    assert validate(Root, parse_document(text, "x")).jobs[1] == Job(name="b", targets=[1])


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "&x [*x]",
        "? [a, b]\n: 1",
        "!!python/object:os.system x",
        "a: \x00",
        "a: 2024-13-45",
        "{",
        "a: *nothing",
        "\ud800",
    ],
)
def test_malformed_document_is_refused_with_a_message(text: str) -> None:
    with pytest.raises(DocumentError):
        validate(Root, parse_document(text, "x"))


@given(st.text())
def test_any_text_is_parsed_or_raises_document_error(text: str) -> None:
    with contextlib.suppress(DocumentError):
        assert parse_document(text, "x").line(()) >= 0


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cn", "Co")))


@given(
    st.recursive(
        TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS.filter(bool), inner),
        max_leaves=10,
    )
)
def test_rendered_document_round_trip(data: object) -> None:
    assert parse_document(render_document({"data": data}), "x", plain_text=True).data == {
        "data": data
    }


def test_rendered_text_that_looks_like_a_number_needs_no_quotes() -> None:
    assert render_document({"port": "80", "on": "true", "none": "null"}) == (
        "port: 80\non: true\nnone: 'null'\n"
    )


def bomb(first: str, link: str, levels: int = 12) -> str:
    lines = [f"a0: &a0 {first}"]
    for level in range(1, levels):
        aliases = ",".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} {link.replace('ALIASES', aliases)}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [bomb("[x]", "[ALIASES]"), bomb("{k: v}", "{<<: [ALIASES]}"), bomb("{k: v}", "{a: [ALIASES]}")],
    ids=["sequences", "merged", "mappings"],
)
def test_aliases_that_grow_without_bound_are_refused(text: str) -> None:
    with pytest.raises(DocumentError, match=r"f.yml: the aliases .* further nodes"):
        parse_document(text, "f.yml")


def test_aliases_of_an_ordinary_size_are_expanded() -> None:
    text = "base: &base {a: 1, b: [1, 2]}\nall:\n" + "- {<<: *base, c: 3}\n" * 10_000
    found = parse_document(text, "f.yml").data["all"]
    assert len(found) == 10_000
    assert found[9_999] == {"a": "1", "b": ["1", "2"], "c": "3"}


def test_large_document_without_aliases_has_no_limit() -> None:
    assert len(parse_document("[" + "a," * 400_000 + "]", "f.yml").data) == 400_000
