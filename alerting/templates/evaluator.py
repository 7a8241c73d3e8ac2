"""Evaluates the syntax tree of a template.

Source: Go, package text/template.
"""

from collections.abc import Iterable, Mapping, Sequence

from alerting.errors import TemplateError
from alerting.templates.budget import MAX_DEPTH
from alerting.templates.expansion import Expansion
from alerting.templates.fields import (
    NoFieldError,
    checked,
    constant,
    field_of,
    literal,
    method_of,
    parameter_types,
)
from alerting.templates.html_output import HtmlOutput
from alerting.templates.language import nodes
from alerting.templates.language.literals import go_quote
from alerting.templates.scope import Variable, VariableScope
from alerting.templates.values.printing import print_value
from alerting.templates.values.values import (
    ANY,
    FunctionError,
    SliceValue,
    TemplateFunction,
    Value,
    entries_of,
    is_map,
    is_true,
    type_name,
)

_NO_VALUE = object()
"""The argument from the pipeline of a command that is the first in its pipeline."""


class _JumpSignal(Exception):  # noqa: N818 - it is no error
    """`break` or `continue` was reached; the text is its word."""


class TemplateEvaluator:
    """Expands one template once.

    Attributes:
        parts: the text written so far.
    """

    def __init__(
        self,
        templates: Mapping[str, nodes.ListNode],
        functions: Mapping[str, TemplateFunction],
        expansion: Expansion,
        html: HtmlOutput | None = None,
    ) -> None:
        self.parts: list[str] = []
        self._templates, self._functions, self._expansion = templates, functions, expansion
        self._budget, self._html = expansion.budget, html
        self._name = ""
        self._node: nodes.TreeNode | None = None
        self._scope = VariableScope()
        # The type as which Go knows the dot, "" for that of its value.
        self._declared = ""

    def expand(self, name: str, data: Value, variables: Iterable[tuple[str, Value]] = ()) -> str:
        """Return the text of a template.

        Args:
            name: of the template.
            data: its dot, and its `$`.
            variables: further variables, with the `$` of their names.

        Raises:
            TemplateError: the template fails; the message is Go's.
            LimitExceededError: the budget is spent.
            QueryNeededError: the result of a query is needed first.
        """
        self._name = name
        self._scope = VariableScope(Variable("$", data), *(Variable(*pair) for pair in variables))
        try:
            self._walk_list(data, self._templates[name])
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc
        return "".join(self.parts)

    def _failed(self, message: str) -> TemplateError:
        if self._node is None:
            return TemplateError(f"template: {self._name}: {message}")
        location = self._node.source.location(self._node.position)
        place = f"executing {go_quote(self._name)} at <{self._node}>"
        return TemplateError(f"template: {location}: {place}: {message}")

    def _enter(self) -> None:
        self._budget.depth += 1
        if self._budget.depth > MAX_DEPTH:
            raise self._failed(f"exceeded maximum template depth ({MAX_DEPTH})")

    def _write(self, text: str) -> None:
        self._budget.spend_chars(len(text))
        self.parts.append(text)

    # Statements

    def _walk_list(self, dot: Value, body: nodes.ListNode) -> None:
        self._enter()
        self._budget.spend(1 + len(body.nodes))
        for node in body.nodes:
            self._node = node
            match node:
                case nodes.TextNode():
                    self._write(node.text if self._html is None else self._html.text(node.text))
                case nodes.ActionNode():
                    value = self._pipeline(dot, node.pipe)
                    if not node.pipe.variables:
                        self._print(node, value)
                case nodes.BranchNode(word="range"):
                    self._range(dot, node)
                case nodes.BranchNode():
                    self._branch(dot, node)
                case nodes.TemplateNode():
                    self._template(dot, node)
                case nodes.JumpNode():
                    self._budget.depth -= 1
                    raise _JumpSignal(node.word)
        self._budget.depth -= 1

    def _print(self, node: nodes.TreeNode, value: Value) -> None:
        self._node = node
        try:
            text = print_value(value, self._budget.chars_left)
            if self._html is not None:
                text = self._html.value(value, text)
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc
        self._write(text)

    def _branch(self, dot: Value, node: nodes.BranchNode) -> None:
        known = len(self._scope)
        value = self._pipeline(dot, node.pipe)
        if is_true(value) and node.word == "with":
            outer, self._declared = self._declared, ""
            self._walk_list(value, node.body)
            self._declared = outer
        elif is_true(value):
            self._walk_list(dot, node.body)
        elif node.otherwise is not None:
            self._walk_list(dot, node.otherwise)
        self._scope.cut(known)

    def _range(self, dot: Value, node: nodes.BranchNode) -> None:
        known = len(self._scope)
        depth = self._budget.depth
        value = self._pipeline(dot, node.pipe)
        inner = len(self._scope)
        pairs = self._pairs(value, node)
        outer = self._declared
        for key, item in pairs:
            self._declared = ANY if getattr(value, "element", "") == ANY else ""
            self._set_range_variables(node.pipe, key, item)
            try:
                self._walk_list(item, node.body)
            except _JumpSignal as jump:
                if jump.args == ("break",):
                    break
            finally:
                self._scope.cut(inner)
                self._budget.depth = depth
        self._declared = outer
        if not pairs and node.otherwise is not None:
            self._walk_list(dot, node.otherwise)
        self._scope.cut(known)

    def _pairs(self, value: Value, node: nodes.BranchNode) -> Sequence[tuple[Value, Value]]:
        """Return the keys and elements that a range goes through."""
        if isinstance(value, SliceValue):
            return list(enumerate(value.items))
        if is_map(value):
            return list(entries_of(value).items())
        if value is None:
            return ()
        if isinstance(value, int) and not isinstance(value, bool):
            if len(node.pipe.variables) > 1:
                raise self._failed(
                    f"can't use {print_value(value)} to iterate over more than one variable"
                )
            # The steps are paid before the list is made.
            self._budget.spend(max(value, 0))
            return [(None, type(value)(number)) for number in range(value)]
        raise self._failed(f"range can't iterate over {print_value(value)}")

    def _set_range_variables(self, pipe: nodes.PipeNode, key: Value, item: Value) -> None:
        names = [variable.name for variable in pipe.variables]
        if not names:
            return
        values = [key, item] if len(names) > 1 else [item]
        if pipe.assigns:
            for name, value in zip(names, values, strict=True):
                self._scope.assign(name, value)
        else:
            self._scope.replace_last(
                [
                    Variable(name, value, self._declared)
                    for name, value in zip(names, values, strict=True)
                ]
            )

    def _template(self, dot: Value, node: nodes.TemplateNode) -> None:
        if node.name not in self._templates:
            raise self._failed(f"template {go_quote(node.name)} not defined")
        value = None if node.pipe is None else self._pipeline(dot, node.pipe)
        outer = self._name, self._scope, self._declared
        self._name, self._scope, self._declared = node.name, VariableScope(Variable("$", value)), ""
        self._walk_list(value, self._templates[node.name])
        self._name, self._scope, self._declared = outer

    # Pipelines

    def _pipeline(self, dot: Value, pipe: nodes.PipeNode) -> Value:
        self._enter()
        self._node = pipe
        value: Value = _NO_VALUE
        for command in pipe.commands:
            self._budget.spend(len(command.arguments))
            value = self._command(dot, command, value)
        for variable in pipe.variables:
            if pipe.assigns:
                self._scope.assign(variable.name, value)
            else:
                self._scope.declare(variable.name, value)
        self._budget.depth -= 1
        return value

    def _command(self, dot: Value, command: nodes.CommandNode, final: Value) -> Value:
        first, arguments = command.arguments[0], command.arguments[1:]
        match first:
            case nodes.IdentifierNode():
                return self._function(dot, first, command, arguments, final)
            case nodes.FieldNode() | nodes.VariableNode() | nodes.ChainNode():
                return self._chain(dot, first, arguments, final)
            case nodes.PipeNode():
                self._check_no_arguments(first, arguments, final)
                return self._pipeline(dot, first)
        self._node = first
        self._check_no_arguments(first, arguments, final)
        if isinstance(first, nodes.DotNode):
            return dot
        if isinstance(first, nodes.NilNode):
            raise self._failed("nil is not a command")
        return self._literal(first)

    def _check_no_arguments(
        self, first: nodes.TreeNode, arguments: Sequence[nodes.TreeNode], final: Value
    ) -> None:
        if arguments or final is not _NO_VALUE:
            raise self._failed(f"can't give argument to non-function {first}")

    def _literal(self, node: nodes.TreeNode) -> Value:
        """Return the value of a literal where no type is asked for."""
        self._node = node
        try:
            return literal(node)
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc

    # Operands

    def _chain(
        self, dot: Value, node: nodes.TreeNode, arguments: Sequence[nodes.TreeNode], final: Value
    ) -> Value:
        """Evaluate `.a.b`, `$x.a` or `(…).a`; the last field may be a method with arguments."""
        self._node = node
        match node:
            case nodes.FieldNode():
                value, names, declared = dot, node.names, self._declared
            case nodes.VariableNode():
                (_, value, declared), names = self._scope.find(node.name), node.fields
                if not names:
                    self._check_no_arguments(node, arguments, final)
                    return value
            case _:
                assert isinstance(node, nodes.ChainNode)  # noqa: S101 - for mypy
                if isinstance(node.operand, nodes.NilNode):
                    raise self._failed(f"indirection through explicit nil in {node}")
                value, names = self._argument(dot, ANY, node.operand), node.fields
                declared = ""
        declared = declared or type_name(value)
        for name in names[:-1]:
            value, declared = self._field(dot, node, name, value, declared, (), _NO_VALUE)
        value, _ = self._field(dot, node, names[-1], value, declared, arguments, final)
        return value

    def _field(
        self,
        dot: Value,
        node: nodes.TreeNode,
        name: str,
        receiver: Value,
        declared: str,
        arguments: Sequence[nodes.TreeNode],
        final: Value,
    ) -> tuple[Value, str]:
        if receiver is None and declared == ANY:
            raise self._failed(f"nil pointer evaluating {ANY}.{name}")
        if receiver is None:
            return None, declared
        method = method_of(receiver, name)
        if method is not None:
            value = self._call(
                dot, method.function, node, name, arguments, final, (method.receiver,)
            )
            return value, type_name(value)
        try:
            called = bool(arguments) or final is not _NO_VALUE
            return field_of(receiver, name, declared, called=called)
        except NoFieldError as exc:
            raise self._failed(str(exc)) from exc

    def _argument(self, dot: Value, go_type: str, node: nodes.TreeNode) -> Value:
        """Return the value of an operand that is an argument."""
        self._node = node
        try:
            if isinstance(node, nodes.LITERALS):
                if go_type == ANY:
                    return None if isinstance(node, nodes.NilNode) else self._literal(node)
                return constant(node, go_type)
            match node:
                case nodes.DotNode():
                    value = dot
                case nodes.PipeNode():
                    value = self._pipeline(dot, node)
                case nodes.IdentifierNode():
                    value = self._function(dot, node, node, (), _NO_VALUE)
                case _:
                    value = self._chain(dot, node, (), _NO_VALUE)
            return checked(value, go_type)
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc

    # Calls

    def _function(
        self,
        dot: Value,
        identifier: nodes.IdentifierNode,
        whole: nodes.TreeNode,
        arguments: Sequence[nodes.TreeNode],
        final: Value,
    ) -> Value:
        self._node = identifier
        name = identifier.name
        if name in ("and", "or") and (arguments or final is not _NO_VALUE):
            return self._short_circuit(dot, name, arguments, final)
        return self._call(dot, self._functions[name], whole, name, arguments, final, ())

    def _short_circuit(
        self, dot: Value, name: str, arguments: Sequence[nodes.TreeNode], final: Value
    ) -> Value:
        """Evaluate the arguments of `and` or `or` up to the first that decides."""
        value: Value = None
        for node in arguments:
            value = self._argument(dot, ANY, node)
            if is_true(value) is (name == "or"):
                return value
        return value if final is _NO_VALUE else final

    def _call(
        self,
        dot: Value,
        function: TemplateFunction,
        whole: nodes.TreeNode,
        name: str,
        arguments: Sequence[nodes.TreeNode],
        final: Value,
        receiver: tuple[Value, ...],
    ) -> Value:
        try:
            types = parameter_types(function, name, len(arguments), piped=final is not _NO_VALUE)
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc
        values = [
            self._argument(dot, go_type, node)
            for go_type, node in zip(types, arguments, strict=False)
        ]
        try:
            if final is not _NO_VALUE:
                values.append(checked(final, types[-1]))
        except FunctionError as exc:
            raise self._failed(str(exc)) from exc
        context = (self._expansion,) if function.in_context else ()
        try:
            value = function.call(*context, *receiver, *values)
        except FunctionError as exc:
            self._node = whole
            raise self._failed(f"error calling {name}: {exc}") from exc
        if isinstance(value, str):
            self._budget.spend_chars(len(value))
        return value
