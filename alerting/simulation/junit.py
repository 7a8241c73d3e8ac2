"""Outcomes of unit tests as JUnit XML, which CI systems show."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from alerting.simulation.outcomes import FileOutcome


def junit_xml(outcomes: Sequence[FileOutcome]) -> str:
    """Return the outcomes of several files as one document."""
    root = ET.Element("testsuites")
    for outcome in outcomes:
        suite = ET.SubElement(
            root,
            "testsuite",
            name=str(outcome.file),
            tests=str(len(outcome.tests) + bool(outcome.problem)),
            failures=str(sum(len(test.failures) for test in outcome.tests)),
            errors=str(int(bool(outcome.problem))),
            skipped="0",
        )
        if outcome.problem:
            case = ET.SubElement(suite, "testcase", name="unknown")
            ET.SubElement(case, "error").text = outcome.problem
        for test in outcome.tests:
            case = ET.SubElement(suite, "testcase", name=test.name)
            for failure in test.failures:
                ET.SubElement(case, "failure").text = failure
    return ET.tostring(root, encoding="unicode") + "\n"
