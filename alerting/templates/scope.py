"""The variables that a template knows while it is expanded."""

from typing import NamedTuple

from alerting.templates.values.values import FunctionError, Value


class Variable(NamedTuple):
    """A variable in scope.

    Attributes:
        name: with its `$`.
        declared: the type as which Go knows the value, "" for its own type.
    """

    name: str
    value: Value
    declared: str = ""


class VariableScope:
    """The variables of one template, the innermost last."""

    def __init__(self, *variables: Variable) -> None:
        self._variables = list(variables)

    def __len__(self) -> int:
        return len(self._variables)

    def cut(self, length: int) -> None:
        """Forget the variables that were declared since the scope had this length."""
        del self._variables[length:]

    def declare(self, name: str, value: Value) -> None:
        """Add a variable; it hides outer ones of the same name."""
        self._variables.append(Variable(name, value))

    def replace_last(self, variables: list[Variable]) -> None:
        """Give the innermost variables other values."""
        self._variables[-len(variables) :] = variables

    def find(self, name: str) -> Variable:
        """Return a variable.

        Raises:
            FunctionError: there is none of this name.
        """
        return self._variables[self._position(name)]

    def assign(self, name: str, value: Value) -> None:
        """Give a variable another value.

        Raises:
            FunctionError: there is none of this name.
        """
        self._variables[self._position(name)] = Variable(name, value)

    def _position(self, name: str) -> int:
        for position in range(len(self._variables) - 1, -1, -1):
            if self._variables[position].name == name:
                return position
        raise FunctionError(f"undefined variable: {name}")
