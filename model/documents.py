"""YAML documents that people write, parsed strictly; errors name the line.

Duplicate keys, which YAML libraries accept, are errors. A pydantic model defines the
fields of a document. Only the server reads such documents.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]
"""A place in a document: keys and indices from the root."""

M = TypeVar("M", bound=BaseModel)

_STRUCTURAL_TAGS = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class DocumentError(ValueError):
    """A document is invalid; the message has one line for each problem.

    Attributes:
        problems: (line, message) of each problem; line 0 if it has none.
    """

    def __init__(self, name: str, problems: Iterable[tuple[int, str]]) -> None:
        self.name, self.problems = name, tuple(problems)
        super().__init__(
            "\n".join(
                f"{name}:{line}: {message}" if line else f"{name}: {message}"
                for line, message in self.problems
            )
        )


@dataclass(frozen=True, slots=True)
class Document:
    """The data of a document, and the line on which each place begins."""

    name: str
    data: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """Return the line of a place, or of the nearest place that contains it; 0 if unknown."""
        for length in range(len(place), -1, -1):
            if place[:length] in self.lines:
                return self.lines[place[:length]]
        return 0


class _TextLoader(yaml.CSafeLoader):
    """Loads every scalar except null as text: `1.10` and `yes` are strings."""


_TextLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _STRUCTURAL_TAGS]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def _node_data(
    name: str, node: yaml.Node, place: Place, lines: dict[Place, int], loader: yaml.CSafeLoader
) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [
            _node_data(name, item, (*place, index), lines, loader)
            for index, item in enumerate(node.value)
        ]
    if not isinstance(node, yaml.MappingNode):
        return loader.construct_object(node)
    _refuse_duplicates(name, node, loader)
    # Merged keys (`<<`) come first, so that a mapping's own ones win.
    loader.flatten_mapping(node)
    mapping: dict[Hashable, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        inner = (*place, key if isinstance(key, int) else str(key))
        lines[inner] = key_node.start_mark.line + 1
        mapping[key] = _node_data(name, value_node, inner, lines, loader)
    return mapping


def _refuse_duplicates(name: str, node: yaml.MappingNode, loader: yaml.CSafeLoader) -> None:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        line = key_node.start_mark.line + 1
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, Hashable):
            raise DocumentError(name, [(line, "a key must be a plain value")])
        if key in seen:
            raise DocumentError(name, [(line, f'key "{key}" stands twice')])
        seen.add(key)


def parse_document(text: str, name: str, *, plain_text: bool = False) -> Document:
    """Parse one YAML document; an empty text is an empty mapping.

    Args:
        text: the document.
        name: the file name, for messages.
        plain_text: load scalars as text, for models that declare the type of each field:
            label values in Prometheus's files may look like numbers.

    Raises:
        DocumentError: the text is not YAML, or a key occurs twice.
    """
    try:
        loader = (_TextLoader if plain_text else yaml.CSafeLoader)(text)
    except UnicodeEncodeError as exc:
        raise DocumentError(name, [(0, "not UTF-8")]) from exc
    lines: dict[Place, int] = {}
    try:
        node = loader.get_single_node()
        data = {} if node is None else _node_data(name, node, (), lines, loader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 0
        raise DocumentError(name, [(line, exc.problem or "not YAML")]) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        if isinstance(exc, DocumentError):
            raise
        raise DocumentError(name, [(0, f"not YAML: {exc}")]) from exc
    finally:
        loader.dispose()
    return Document(name, data, lines)


class _TextDumper(yaml.SafeDumper):
    """Writes text for `_TextLoader`: without quotes, even if it looks like a number."""


_TextDumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _STRUCTURAL_TAGS]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def render_document(data: Any) -> str:
    """Return data as YAML that `parse_document` reads back with `plain_text`."""
    return yaml.dump(data, Dumper=_TextDumper, sort_keys=False, allow_unicode=True)


def document_error(document: Document, exc: ValidationError) -> DocumentError:
    """Return the errors that pydantic found in a document, with their lines."""
    return DocumentError(
        document.name,
        [
            (document.line(error["loc"]), _message(error["loc"], error["type"], error["msg"]))
            for error in exc.errors()
        ],
    )


def _message(place: Place, kind: str, message: str) -> str:
    where = ".".join(str(part) for part in place)
    if kind == "extra_forbidden":
        return f"{where}: unknown key"
    text = message.removeprefix("Value error, ")
    return f"{where}: {text}" if where else text


def validate(model: type[M], document: Document) -> M:
    """Return the document as an instance of `model`.

    Raises:
        DocumentError: the document does not fit the model; it lists every problem.
    """
    try:
        return model.model_validate(document.data)
    except ValidationError as exc:
        raise document_error(document, exc) from exc
