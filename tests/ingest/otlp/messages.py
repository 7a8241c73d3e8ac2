"""Builders of OTLP messages, with opentelemetry-proto."""

from collections.abc import Mapping, Sequence

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)

from model.telemetry.log_records import AttributeValue


def values() -> st.SearchStrategy[AttributeValue]:
    """Return values of attributes, nested ones among them."""
    plain: st.SearchStrategy[AttributeValue] = st.one_of(
        st.none(),
        st.text(max_size=6),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(),
        st.binary(max_size=6),
    )
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=5,
    )


def any_value(value: AttributeValue) -> AnyValue:
    """Return a value as its message."""
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case str():
            return AnyValue(string_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case Mapping():
            return AnyValue(kvlist_value=KeyValueList(values=key_values(value)))
        case Sequence():
            return AnyValue(array_value=ArrayValue(values=map(any_value, value)))


def key_values(attributes: Mapping[str, AttributeValue]) -> list[KeyValue]:
    """Return attributes as messages."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def python_value(message: AnyValue) -> AttributeValue:
    """Return the value of a message."""
    match message.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [python_value(one) for one in message.array_value.values]
        case "kvlist_value":
            return {pair.key: python_value(pair.value) for pair in message.kvlist_value.values}
        case name:
            value: AttributeValue = getattr(message, name)
            return value
