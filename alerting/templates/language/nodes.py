"""The syntax tree of a template.

`str` of a node is its source as Go's error messages show it.

Source: Go, package text/template/parse.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from alerting.templates.language.literals import Number


@dataclass(frozen=True, slots=True, eq=False)
class TemplateSource:
    """The text that a tree was parsed from.

    Attributes:
        name: the template's name, for errors.
        shift: the number of bytes that Prometheus has before the first line and that this
            text lacks.
    """

    name: str
    text: str
    shift: int = 0

    def location(self, position: int) -> str:
        """Return `name:line:column`; the column is a number of bytes, from 0."""
        line_start = self.text.rfind("\n", 0, position) + 1
        line = self.text.count("\n", 0, position) + 1
        before = self.text[line_start:position].encode(errors="surrogateescape")
        return f"{self.name}:{line}:{len(before) + (self.shift if line == 1 else 0)}"


@dataclass(frozen=True, slots=True, eq=False)
class TreeNode:
    """A part of a template.

    Attributes:
        position: the index in the source, for errors.
    """

    source: TemplateSource
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class TextNode(TreeNode):
    """Text outside actions."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, eq=False)
class DotNode(TreeNode):
    """The value of the innermost range or with."""

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True, eq=False)
class NilNode(TreeNode):
    """The constant nil."""

    def __str__(self) -> str:
        return "nil"


@dataclass(frozen=True, slots=True, eq=False)
class BoolNode(TreeNode):
    """The constant true or false."""

    value: bool

    def __str__(self) -> str:
        return "true" if self.value else "false"


@dataclass(frozen=True, slots=True, eq=False)
class NumberNode(TreeNode):
    """A number or a character."""

    text: str
    value: Number

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True, eq=False)
class StringNode(TreeNode):
    """A string; `quoted` is as written."""

    quoted: str
    text: str

    def __str__(self) -> str:
        return self.quoted


@dataclass(frozen=True, slots=True, eq=False)
class IdentifierNode(TreeNode):
    """The name of a function."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, eq=False)
class FieldNode(TreeNode):
    """`.a.b`: fields of the dot."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return "".join(f".{name}" for name in self.names)


@dataclass(frozen=True, slots=True, eq=False)
class VariableNode(TreeNode):
    """`$name.a.b`: a variable and fields of its value; the name includes the `$`."""

    name: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join((self.name, *self.fields))


@dataclass(frozen=True, slots=True, eq=False)
class ChainNode(TreeNode):
    """`(…).a.b`: fields of another operand."""

    operand: TreeNode
    fields: tuple[str, ...]

    def __str__(self) -> str:
        operand = f"({self.operand})" if isinstance(self.operand, PipeNode) else str(self.operand)
        return "".join((operand, *(f".{name}" for name in self.fields)))


@dataclass(frozen=True, slots=True, eq=False)
class CommandNode(TreeNode):
    """An operand, or a function or method with its arguments."""

    arguments: tuple[TreeNode, ...]

    def __str__(self) -> str:
        return " ".join(
            f"({argument})" if isinstance(argument, PipeNode) else str(argument)
            for argument in self.arguments
        )


@dataclass(frozen=True, slots=True, eq=False)
class PipeNode(TreeNode):
    """Commands, each with the result of the one before as its last argument.

    Attributes:
        variables: declared or assigned: they get the result.
        assigns: `=` instead of `:=`.
    """

    commands: tuple[CommandNode, ...]
    variables: tuple[VariableNode, ...] = ()
    assigns: bool = False

    def __str__(self) -> str:
        commands = " | ".join(map(str, self.commands))
        if not self.variables:
            return commands
        sign = "=" if self.assigns else ":="
        return f"{', '.join(map(str, self.variables))} {sign} {commands}"


@dataclass(frozen=True, slots=True, eq=False)
class ListNode(TreeNode):
    """Nodes one after the other."""

    nodes: tuple[TreeNode, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(frozen=True, slots=True, eq=False)
class ActionNode(TreeNode):
    """A pipeline whose result is written, unless it declares or assigns."""

    pipe: PipeNode

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(frozen=True, slots=True, eq=False)
class BranchNode(TreeNode):
    """`if`, `with` or `range`; the word is its keyword."""

    word: str
    pipe: PipeNode
    body: ListNode
    otherwise: ListNode | None

    def __str__(self) -> str:
        otherwise = "" if self.otherwise is None else f"{{{{else}}}}{self.otherwise}"
        return f"{{{{{self.word} {self.pipe}}}}}{self.body}{otherwise}{{{{end}}}}"


@dataclass(frozen=True, slots=True, eq=False)
class TemplateNode(TreeNode):
    """The expansion of another template; its dot is the pipeline's value."""

    quoted: str
    name: str
    pipe: PipeNode | None

    def __str__(self) -> str:
        pipe = "" if self.pipe is None else f" {self.pipe}"
        return f"{{{{template {self.quoted}{pipe}}}}}"


@dataclass(frozen=True, slots=True, eq=False)
class JumpNode(TreeNode):
    """`break` or `continue`."""

    word: str

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


LITERALS = (BoolNode, NilNode, NumberNode, StringNode)


def is_empty(node: TreeNode | None) -> bool:
    """Whether a tree holds nothing but space."""
    if isinstance(node, ListNode):
        return all(map(is_empty, node.nodes))
    return node is None or (isinstance(node, TextNode) and not node.text.strip())


def walk(node: TreeNode | None) -> Iterator[TreeNode]:
    """Yield a node and every node below it."""
    pending = [node]
    while pending:
        found = pending.pop()
        if found is None:
            continue
        yield found
        match found:
            case ListNode():
                pending += found.nodes
            case ActionNode():
                pending.append(found.pipe)
            case BranchNode():
                pending += (found.pipe, found.body, found.otherwise)
            case TemplateNode():
                pending.append(found.pipe)
            case PipeNode():
                pending += found.commands
            case CommandNode():
                pending += found.arguments
            case ChainNode():
                pending.append(found.operand)
