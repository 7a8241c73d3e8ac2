import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerting.errors import RuleFileError, RuleGroupError
from alerting.rules.definitions import AlertingRule, RuleGroup
from alerting.rules.files import load_rule_files, parse_rule_file
from alerting.rules.stored_groups import (
    definition_of,
    definitions_of_file,
    rule_file_of,
    stored_group,
    with_stored_identities,
)
from model.durations import format_duration
from promql.syntax.parser import parse

FIELD_RULES = Path(__file__).parents[4] / "shared/field/rules"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = TEXTS.filter(lambda text: text not in ("", "__name__"))
PLAIN = TEXTS.map(lambda text: text.replace("{", "("))
LENGTHS = st.integers(1, 10**9).map(format_duration)
EXPRESSIONS = st.sampled_from(
    ["up == 0", "sum by (job) (\n  rate(x[5m])\n) > 1", "vector(1)  ", "1"]
)
LABELS = st.dictionaries(NAMES, PLAIN, min_size=1, max_size=3)
COMMON = {"expr": EXPRESSIONS}
ALERTING = st.fixed_dictionaries(
    {"alert": NAMES, **COMMON},
    optional={
        "for": LENGTHS,
        "keep_firing_for": LENGTHS,
        "labels": LABELS,
        "annotations": LABELS,
        "recovery_expr": EXPRESSIONS,
        "data_expr": EXPRESSIONS,
        "no_data_for": LENGTHS.filter(lambda text: text != "5m"),
    },
)
SERIES_NAMES = NAMES.filter(lambda text: not set(text) & {"{", "}"})
RECORDING = st.fixed_dictionaries({"record": SERIES_NAMES, **COMMON}, optional={"labels": LABELS})
DEFINITIONS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": NAMES, "rules": st.lists(ALERTING | RECORDING, max_size=3)},
    optional={
        "interval": LENGTHS,
        "limit": st.integers(1, 10**6),
        "query_offset": LENGTHS | st.just("0s"),
        "labels": LABELS,
    },
)


@settings(max_examples=60)
@given(st.lists(DEFINITIONS, max_size=3, unique_by=lambda each: each["name"]))
def test_rule_file_of_stored_groups_reads_back_as_the_same_groups(
    definitions: list[dict[str, Any]],
) -> None:
    text = rule_file_of(definitions)
    assert definitions_of_file(text, "x.yml", parse) == definitions
    of_file = parse_rule_file(text, Path("records.db"), parse)
    assert of_file == [stored_group(each, parse) for each in definitions]


@given(DEFINITIONS)
def test_definition_is_the_same_after_json(definition: dict[str, Any]) -> None:
    stored = json.loads(json.dumps(definition))
    assert definition_of(stored) == definition
    assert stored_group(stored, parse) == stored_group(definition, parse)


@pytest.mark.slow
@pytest.mark.skipif(not FIELD_RULES.is_dir(), reason="the rule files of others are not here")
def test_rule_files_of_others_keep_their_groups() -> None:
    read = 0
    for path in sorted(FIELD_RULES.rglob("*.y*ml")):
        try:
            text = path.read_text()
            groups = parse_rule_file(text, Path("x.yml"), parse)
        except RuleFileError:
            continue
        again = rule_file_of(definitions_of_file(text, "x.yml", parse))
        assert parse_rule_file(again, Path("x.yml"), parse) == groups, path
        read += 1
    assert read > 50


def test_expression_of_several_lines_stays_readable() -> None:
    rule = {"alert": "A", "expr": "up\n  == 0\n", "annotations": {"note": "one\ntwo"}}
    assert rule_file_of([{"name": "g", "rules": [rule]}]) == (
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      up\n        == 0\n"
        "    annotations:\n      note: |-\n        one\n        two\n"
    )


@pytest.mark.parametrize(
    ("definition", "field"),
    [
        ({"rules": []}, "name"),
        ({"name": "g", "interval": "soon"}, "interval"),
        ({"name": "g", "rules": [{"alert": "A", "expr": "up =="}]}, "rules.0.expr"),
        ({"name": "g", "rules": [{"alert": "A", "expr": "up", "fro": "1m"}]}, "rules.0.fro"),
        ({"name": "g", "rules": [{"alert": "A", "expr": "1", "for": 5}]}, "rules.0.for"),
        ({"name": "g", "rules": [{"record": "a", "alert": "A", "expr": "1"}]}, "rules.0"),
        (
            {"name": "g", "rules": [{"alert": "A", "expr": "1", "annotations": {"s": "{{ x }}"}}]},
            "rules.0.annotations.s",
        ),
        (None, ""),
        ([], ""),
    ],
)
def test_problem_of_a_definition_names_its_field(definition: object, field: str) -> None:
    with pytest.raises(RuleGroupError) as refused:
        stored_group(definition, parse)
    assert refused.value.problems[0][0] == field
    assert str(refused.value)


def group(*rules: tuple[str, str], name: str = "mine") -> RuleGroup:
    entries = [
        {"alert": alert, "expr": "up", "labels": {"severity": severity}}
        for alert, severity in rules
    ]
    return stored_group({"name": name, "rules": entries}, parse)


def identities(groups: tuple[RuleGroup, ...]) -> list[str]:
    return [
        rule.identity for each in groups for rule in each.rules if isinstance(rule, AlertingRule)
    ]


def test_further_rule_with_the_same_name_leaves_identities_unchanged() -> None:
    before = identities(with_stored_identities([group(("Load", "warning"))], []))
    assert before == ['stored/mine/Load{severity="warning"}']
    more = group(("Load", "critical"), ("Load", "warning"), ("Load", "warning"))
    after = identities(with_stored_identities([more], []))
    assert after[1:] == [before[0], f"{before[0]} #2"]
    assert len(set(after)) == 3


def test_group_of_a_file_with_the_same_name_is_another_one(tmp_path: Path) -> None:
    file = tmp_path / "a.yml"
    names = ("mine", "stored/mine")
    file.write_text(rule_file_of({"name": name, "rules": RULES} for name in names))
    files = load_rule_files([file], parse)
    own = with_stored_identities([group(("Load", ""))], files)
    assert identities(files) == ["mine/Load", "stored/mine/Load"]
    assert identities(own) == ["stored/mine/Load #2"]


RULES = [{"alert": "Load", "expr": "up"}]
