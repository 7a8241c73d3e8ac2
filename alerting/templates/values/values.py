"""The values that templates handle, with their types in Go.

Python's bool, int, float, complex and str stand for Go's bool, int, float64, complex128 and
string, `Labels` for a map[string]string, and None for a missing value. The classes here
stand for the others.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from model.labels import Labels
from model.limits import LimitName

Value = Any
"""Any of these; the functions below tell them apart."""

ANY = "interface {}"
"""The type of a parameter that takes every value."""

STRING_MAP = "map[string]string"
BYTE = 0xFF


class FunctionError(ValueError):
    """A function of a template got an argument that it cannot use; the message is Go's."""


class LimitExceededError(Exception):
    """An expansion used more than it may.

    Attributes:
        limit: the limit.
    """

    def __init__(self, limit: LimitName, reason: str) -> None:
        super().__init__(reason)
        self.limit = limit


def text_too_long() -> LimitExceededError:
    """Return the error of a text that is longer than it may be."""
    return LimitExceededError(LimitName.TEMPLATE_TEXT, "the text of the template is too long")


@dataclass(frozen=True, slots=True)
class TemplateFunction:
    """A function or method that templates can call.

    Attributes:
        call: gets the arguments; of a method, the receiver first.
        parameters: the types of its parameters, without the receiver.
        variadic: whether the last parameter takes any number of arguments.
        in_context: whether `call` gets the `Expansion` before its arguments.
    """

    call: Callable[..., Value]
    parameters: tuple[str, ...] = ()
    variadic: bool = False
    in_context: bool = False


class GoValue:
    """Base of the values with a type of their own.

    Attributes:
        go_type: the type as Go writes it.
        methods: by name.
    """

    __slots__ = ()
    go_type: str
    methods: ClassVar[Mapping[str, TemplateFunction]] = {}


class Byte(GoValue, int):
    """An element of a string, uint8."""

    go_type = "uint8"


class Html(GoValue, str):
    """Text that is HTML already."""

    __slots__ = ()
    go_type = "template.HTML"


class SafeUrl(GoValue, str):
    """Text that is a safe URL already."""

    __slots__ = ()
    go_type = "template.URL"


class SliceValue(GoValue):
    """A slice.

    Attributes:
        element: the type of its elements.
        items: its elements.
    """

    __slots__ = ("element", "go_type", "items")

    def __init__(self, items: Iterable[Value], element: str = ANY, go_type: str = "") -> None:
        self.items: Sequence[Value] = tuple(items)
        self.element = element
        self.go_type = go_type or f"[]{element}"

    def like(self, items: Iterable[Value]) -> "SliceValue":
        """Return a slice of the same type with other elements."""
        return type(self)(items, self.element, self.go_type)


def strings(items: Iterable[str]) -> SliceValue:
    """Return a []string."""
    return SliceValue(items, "string")


class MapValue(GoValue):
    """A map with keys of type string.

    Attributes:
        element: the type of its values.
        entries: its values by key.
    """

    __slots__ = ("element", "entries", "go_type")

    def __init__(self, entries: Mapping[str, Value], element: str = ANY, go_type: str = "") -> None:
        self.entries: Mapping[str, Value] = entries
        self.element = element
        self.go_type = go_type or f"map[string]{element}"


class StructValue(GoValue):
    """A struct, or a pointer to one if its type begins with `*`.

    Attributes:
        fields: its values by name, in the order of the type.
        declared: the fields that Go declares as interface {}.
        json_names: the names of fields in JSON, where they differ.
    """

    __slots__ = ("fields",)
    declared: ClassVar[frozenset[str]] = frozenset()
    json_names: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **fields: Value) -> None:
        self.fields = fields


class PointedStruct(StructValue):
    """The struct that a pointer points to."""

    __slots__ = ("go_type",)

    def __init__(self, pointer: StructValue) -> None:
        super().__init__(**pointer.fields)
        self.go_type = pointer.go_type.removeprefix("*")


def pointed(value: Value) -> Value:
    """Return what a pointer to a struct points to, and any other value unchanged."""
    if isinstance(value, StructValue) and value.go_type.startswith("*"):
        return PointedStruct(value)
    return value


def type_name(value: Value) -> str:
    """Return the type of a value as Go's %T writes it."""
    name = _NAMES.get(type(value))
    return name if name is not None else value.go_type


_NAMES = {
    type(None): "<nil>",
    bool: "bool",
    int: "int",
    float: "float64",
    complex: "complex128",
    str: "string",
    Labels: STRING_MAP,
}


def is_map(value: Value) -> bool:
    """Whether a value is a map."""
    return isinstance(value, Labels | MapValue)


def entries_of(value: Labels | MapValue) -> dict[str, Value]:
    """Return the entries of a map in the order in which Go ranges and prints them."""
    if isinstance(value, Labels):
        return dict(value)
    return dict(sorted(value.entries.items()))


def element_type(value: Labels | MapValue | SliceValue) -> str:
    """Return the type of a container's elements."""
    return "string" if isinstance(value, Labels) else value.element


def zero_value(go_type: str) -> Value:
    """Return the zero value of an element's type."""
    return "" if go_type == "string" else None


def string_bytes(text: str) -> bytes:
    """Return text as the bytes that a Go string holds."""
    return text.encode(errors="surrogateescape")


def from_bytes(data: bytes) -> str:
    """Return the text of a Go string; bytes that are not UTF-8 become surrogates."""
    return data.decode(errors="surrogateescape")


def is_true(value: Value) -> bool:
    """Whether `if` and `with` take a value as true: it is neither zero nor empty."""
    if isinstance(value, SliceValue):
        return bool(value.items)
    if isinstance(value, MapValue):
        return bool(value.entries)
    if isinstance(value, StructValue):
        return True
    return bool(value)


def length_of(value: Value) -> int | None:
    """Return the length of a string, slice or map, None of any other value."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(string_bytes(value))
    if isinstance(value, SliceValue):
        return len(value.items)
    if isinstance(value, Labels):
        return len(value)
    return len(value.entries) if isinstance(value, MapValue) else None


_SAME = (frozenset({STRING_MAP, "template.KV"}), frozenset({"[]template.Alert", "template.Alerts"}))
_NAMED_NILABLE = ("template.KV", "template.Alerts", "template.Pairs", "template.queryResult")
_NILABLE = ("*", "[]", "map[", "interface", *_NAMED_NILABLE)


def can_be_nil(go_type: str) -> bool:
    """Whether nil is a value of a type."""
    return go_type.startswith(_NILABLE)


def is_assignable(value: Value, go_type: str) -> bool:
    """Whether a value can be the argument for a parameter of this type."""
    if go_type == ANY:
        return True
    own = type_name(value)
    return own == go_type or frozenset({own, go_type}) in _SAME
