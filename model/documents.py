"""YAML documents that people write, parsed strictly; errors name the line.

Duplicate keys, which YAML libraries accept, are errors. A pydantic model defines the
fields of a document. Only the server reads such documents.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]
"""A place in a document: keys and indices from the root."""

M = TypeVar("M", bound=BaseModel)

_BINARY_TAG = "tag:yaml.org,2002:binary"
_NULL_TAG = "tag:yaml.org,2002:null"
_STRUCTURAL_TAGS = (_NULL_TAG, "tag:yaml.org,2002:merge")
_OTHER_BREAKS = re.compile(r"[\r\x85\u2028\u2029]")
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)


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


class NumberText(str):
    """The text of a plain scalar that YAML reads as a number, in a file of our own."""

    __slots__ = ()


_SPARE_NODES = 200_000


class _TooManyNodesError(ValueError):
    """The document grows beyond its limit when its aliases are expanded."""


class _Loader(yaml.CSafeLoader):
    """Composes nodes whose scalars keep their text: only null and `<<` have a meaning.

    An alias is read anew at each place that it stands at, so that 337 bytes of aliases of
    aliases are more nodes than memory holds. What a text writes itself has at most a node
    for each of its characters; aliases may add `_SPARE_NODES`.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._nodes_left = 2 * len(stream) + _SPARE_NODES

    def take(self, nodes: int) -> None:
        """Count nodes that are read.

        Raises:
            _TooManyNodesError: there are more than the text allows.
        """
        self._nodes_left -= nodes
        if self._nodes_left < 0:
            raise _TooManyNodesError

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Replace the keys `<<` of a mapping by what they merge."""
        super().flatten_mapping(node)
        self.take(len(node.value))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _STRUCTURAL_TAGS]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class _Reader:
    """Turns the nodes of one document into data, and notes the line of each place."""

    def __init__(self, name: str, loader: _Loader, *, mark_numbers: bool) -> None:
        self._name, self._loader, self._mark_numbers = name, loader, mark_numbers
        self.lines: dict[Place, int] = {}

    def data(self, node: yaml.Node, place: Place = ()) -> Any:
        self._loader.take(1)
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.SequenceNode):
            return [self.data(item, (*place, index)) for index, item in enumerate(node.value)]
        if not isinstance(node, yaml.MappingNode):
            return self._scalar(node)
        self._refuse_duplicates(node)
        # Merged keys (`<<`) come first, so that a mapping's own ones win.
        self._loader.flatten_mapping(node)
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            inner = (*place, key)
            self.lines[inner] = key_node.start_mark.line + 1
            mapping[key] = self.data(value_node, inner)
        return mapping

    def _scalar(self, node: yaml.Node) -> str | None:
        if node.tag == _NULL_TAG:
            return None
        is_plain = isinstance(node, yaml.ScalarNode) and not node.style
        if self._mark_numbers and is_plain and _NUMBER.fullmatch(node.value):
            return NumberText(node.value)
        return self._text(node)

    def _text(self, node: yaml.Node) -> str:
        if node.tag != _BINARY_TAG:
            return str(node.value)
        try:
            return base64.b64decode("".join(node.value.split()), validate=True).decode()
        except ValueError as exc:
            line = node.start_mark.line + 1
            raise DocumentError(self._name, [(line, "!!binary needs UTF-8 in base64")]) from exc

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            line = node.start_mark.line + 1
            raise DocumentError(self._name, [(line, "a key must be a plain value")])
        return self._text(node)

    def _refuse_duplicates(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self._key(key_node)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise DocumentError(self._name, [(line, f'key "{key}" stands twice')])
            seen.add(key)


def parse_document(text: str, name: str, *, plain_text: bool = False) -> Document:
    """Parse one YAML document; an empty text is an empty mapping.

    Every scalar but null is text as written: `1.10`, `on` and `010` are strings. The model
    of a document converts them where it declares another type.

    Args:
        text: the document.
        name: the file name, for messages.
        plain_text: read the file as Prometheus reads its own: a number is plain text, so
            that a duration needs a unit, and documents after the first are ignored. If
            not, numbers are `NumberText`, and a second document is an error.

    Raises:
        DocumentError: the text is not YAML, or a key occurs twice.
    """
    try:
        loader = _Loader(text)
    except UnicodeEncodeError as exc:
        raise DocumentError(name, [(0, "not UTF-8")]) from exc
    reader = _Reader(name, loader, mark_numbers=not plain_text)
    try:
        node = _first_node(loader) if plain_text else loader.get_single_node()
        data = {} if node is None else reader.data(node)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 0
        raise DocumentError(name, [(line, exc.problem or "not YAML")]) from exc
    except _TooManyNodesError as exc:
        message = (
            f"the aliases (*name) stand for more than {_SPARE_NODES} further nodes;"
            " write the repeated parts out, or in several files"
        )
        raise DocumentError(name, [(0, message)]) from exc
    except (yaml.YAMLError, RecursionError, ValueError) as exc:
        if isinstance(exc, DocumentError):
            raise
        raise DocumentError(name, [(0, f"not YAML: {exc}")]) from exc
    finally:
        loader.dispose()
    return Document(name, {} if data is None else data, reader.lines)


def _first_node(loader: _Loader) -> yaml.Node | None:
    return loader.get_node() if loader.check_node() else None


class _TextDumper(yaml.SafeDumper):
    """Writes text for `parse_document`: without quotes, even if it looks like a number."""


_TextDumper.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in _STRUCTURAL_TAGS]
    for first, resolvers in yaml.SafeDumper.yaml_implicit_resolvers.items()
}


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Lines of an expression stay lines; PyYAML quotes text that no block can hold. The other
    # line breaks of YAML survive as escapes only.
    style = '"' if _OTHER_BREAKS.search(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_TextDumper.add_representer(str, _text_node)


def render_document(data: Any) -> str:
    """Return data as YAML that `parse_document` reads back."""
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
