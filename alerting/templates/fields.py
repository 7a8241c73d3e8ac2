"""Fields, methods and map entries of values, and the arguments of calls.

Source: Go, package text/template.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from alerting.templates.language import nodes
from alerting.templates.values.times import Duration
from alerting.templates.values.values import (
    ANY,
    FunctionError,
    GoValue,
    StructValue,
    TemplateFunction,
    Value,
    can_be_nil,
    element_type,
    is_assignable,
    is_map,
    type_name,
    zero_value,
)
from model.labels import Labels


class NoFieldError(FunctionError):
    """A value has no such field; the message is Go's."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its receiver."""

    receiver: Value
    function: TemplateFunction


def method_of(receiver: Value, name: str) -> Method | None:
    """Return a method of a value, None if it has none of this name."""
    if isinstance(receiver, GoValue) and name in receiver.methods:
        return Method(receiver, receiver.methods[name])
    return None


def field_of(receiver: Value, name: str, declared: str, *, called: bool) -> tuple[Value, str]:
    """Return the value of a struct's field or a map's entry, and its declared type.

    Args:
        receiver: the struct or map.
        name: of the field.
        declared: the type of the receiver where it was found.
        called: whether arguments follow, which no field takes.

    Raises:
        NoFieldError: there is no such field.
    """
    if isinstance(receiver, StructValue):
        if name in receiver.fields:
            if called:
                raise NoFieldError(f"{name} has arguments but cannot be invoked as function")
            value = receiver.fields[name]
            return value, ANY if name in receiver.declared else type_name(value)
    elif is_map(receiver):
        if called:
            raise NoFieldError(f"{name} is not a method but has arguments")
        entries = receiver if not isinstance(receiver, Labels) else None
        value = receiver.get(name) if entries is None else _entry(entries, name)
        return value, element_type(receiver)
    raise NoFieldError(f"can't evaluate field {name} in type {declared}")


def _entry(entries: Value, name: str) -> Value:
    found = entries.entries.get(name)
    return zero_value(entries.element) if found is None else found


def checked(value: Value, go_type: str) -> Value:
    """Return a value as the argument for a parameter.

    Raises:
        FunctionError: it does not fit.
    """
    if value is None:
        if go_type == ANY or can_be_nil(go_type):
            return None
        raise FunctionError(f"invalid value; expected {go_type}")
    if is_assignable(value, go_type):
        return value
    if type_name(value) == "*" + go_type:
        return value
    raise FunctionError(f"wrong type for value; expected {go_type}; got {type_name(value)}")


def literal(node: nodes.TreeNode) -> Value:
    """Return the value of a literal where no type is asked for.

    Raises:
        FunctionError: a number is beyond 64 bits.
    """
    if isinstance(node, nodes.BoolNode):
        return node.value
    if isinstance(node, nodes.StringNode):
        return node.text
    assert isinstance(node, nodes.NumberNode)  # noqa: S101 - nil is no value
    number, text = node.value, node.text
    if number.complex_value is not None:
        return number.complex_value
    is_hex = text[:2].lower() == "0x" and not set(text) & set("pP")
    is_float = not is_hex and text[0] != "'" and bool(set(text) & set(".eEpP"))
    if number.floating is not None and is_float:
        return number.floating
    if number.integer is None:
        raise FunctionError(f"{text} overflows int")
    return number.integer


def parameter_types(
    function: TemplateFunction, name: str, given: int, *, piped: bool
) -> Sequence[str]:
    """Return the type of each argument of a call.

    Args:
        function: the function.
        name: its name, for messages.
        given: the number of arguments after its name.
        piped: whether a pipeline gives one more.

    Raises:
        FunctionError: there are too many or too few arguments.
    """
    parameters, count = function.parameters, given + piped
    if not function.variadic:
        if count != len(parameters):
            raise FunctionError(
                f"wrong number of args for {name}: want {len(parameters)} got {count}"
            )
        return parameters
    fixed = len(parameters) - 1
    if count < fixed:
        raise FunctionError(f"wrong number of args for {name}: want at least {fixed} got {given}")
    return (*parameters[:fixed], *(parameters[fixed:] * (count - fixed)))


def constant(node: nodes.TreeNode, go_type: str) -> Value:
    """Return the value of a literal for a parameter that is no interface.

    Raises:
        FunctionError: the literal is of another kind.
    """
    if isinstance(node, nodes.NilNode):
        if can_be_nil(go_type):
            return None
        raise FunctionError(f"cannot assign nil to {go_type}")
    match go_type:
        case "string":
            if isinstance(node, nodes.StringNode):
                return node.text
            raise FunctionError(f"expected string; found {node}")
        case "bool":
            if isinstance(node, nodes.BoolNode):
                return node.value
            raise FunctionError(f"expected bool; found {node}")
        case "float64":
            if isinstance(node, nodes.NumberNode) and node.value.floating is not None:
                return node.value.floating
            raise FunctionError(f"expected float; found {node}")
        case "int" | "time.Duration":
            if isinstance(node, nodes.NumberNode) and node.value.integer is not None:
                whole = node.value.integer
                return whole if go_type == "int" else Duration(whole)
            raise FunctionError(f"expected integer; found {node}")
    raise FunctionError(f"can't handle {node} for arg of type {go_type}")
