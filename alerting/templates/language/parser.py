"""Parses templates.

Source: Go, package text/template/parse.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from alerting.errors import TemplateError
from alerting.templates.language import nodes
from alerting.templates.language.lexer import TemplateToken, TokenKind
from alerting.templates.language.literals import (
    LiteralError,
    Number,
    go_quote,
    parse_character,
    parse_number,
    unquote,
)
from alerting.templates.language.tokens import TokenStream

MAX_DEPTH = 60
"""Actions and parentheses nested deeper than this are an error."""

_OPERANDS = frozenset(
    {
        TokenKind.BOOL,
        TokenKind.CHAR_CONSTANT,
        TokenKind.COMPLEX,
        TokenKind.DOT,
        TokenKind.FIELD,
        TokenKind.IDENTIFIER,
        TokenKind.NUMBER,
        TokenKind.NIL,
        TokenKind.RAW_STRING,
        TokenKind.STRING,
        TokenKind.VARIABLE,
        TokenKind.LEFT_PAREN,
    }
)
_NOT_CALLABLE = (*nodes.LITERALS, nodes.DotNode)
_CHAINED = {"if": TokenKind.IF, "with": TokenKind.WITH}


@dataclass(slots=True)
class _Scope:
    """The state of the parser within one template."""

    variables: list[str] = field(default_factory=lambda: ["$"])
    ranges: int = 0


@dataclass(frozen=True, slots=True)
class _Closing:
    """`end` or `else`: the end of a list."""

    word: str
    line: int

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


class TemplateParser:
    """Parses one text by recursive descent.

    Attributes:
        trees: the templates that the text defines, by name; its own has the text's name.
    """

    def __init__(
        self,
        name: str,
        text: str,
        functions: Collection[str],
        *,
        variables: Mapping[str, object] | None = None,
        shift: int = 0,
    ) -> None:
        self.trees: dict[str, nodes.ListNode] = {}
        self._source = nodes.TemplateSource(name, text, shift)
        self._tokens = TokenStream(text)
        self._functions = functions
        self._scope = _Scope()
        self._scope.variables += variables or ()
        self._action_line = 0
        self._depth = 0

    def parse(self) -> dict[str, nodes.ListNode]:
        """Return the templates that the text defines.

        Raises:
            TemplateError: the text is malformed.
        """
        found: list[nodes.TreeNode] = []
        begin = self._tokens.peek().position
        while self._tokens.peek().kind is not TokenKind.EOF:
            if self._tokens.peek().kind is TokenKind.LEFT_DELIMITER:
                delimiter = self._tokens.next()
                if self._tokens.next_word().kind is TokenKind.DEFINE:
                    self._definition()
                    continue
                self._tokens.back_two(delimiter)
            node = self._text_or_action()
            if isinstance(node, _Closing):
                raise self._failed(f"unexpected {node}")
            found.append(node)
        self._add(self._source.name, self._list(begin, found))
        return self.trees

    # Errors

    def _failed(self, message: str) -> TemplateError:
        return TemplateError(f"template: {self._source.name}:{self._tokens.newest.line}: {message}")

    def _unexpected(self, token: TemplateToken, context: str) -> TemplateError:
        if token.kind is not TokenKind.ERROR:
            return self._failed(f"unexpected {token} in {context}")
        where = ""
        if self._action_line not in (0, token.line):
            # The text of the token may end in "action" itself.
            action = "" if token.text.endswith(" action") else " in action"
            where = f"{action} started at {self._source.name}:{self._action_line}"
        return self._failed(f"{token}{where}")

    def _expect(self, kind: TokenKind, context: str) -> TemplateToken:
        token = self._tokens.next_word()
        if token.kind is not kind:
            raise self._unexpected(token, context)
        return token

    def _nest(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._failed("nested too deeply")

    # Templates and actions

    def _list(self, position: int, found: list[nodes.TreeNode]) -> nodes.ListNode:
        return nodes.ListNode(self._source, position, tuple(found))

    def _add(self, name: str, tree: nodes.ListNode) -> None:
        known = self.trees.get(name)
        if known is None or nodes.is_empty(known):
            self.trees[name] = tree
        elif not nodes.is_empty(tree):
            raise self._failed(f"template: multiple definition of template {go_quote(name)}")

    def _definition(self) -> None:
        context = "define clause"
        token = self._tokens.next_word()
        if token.kind not in (TokenKind.STRING, TokenKind.RAW_STRING):
            raise self._unexpected(token, context)
        name = self._literal(token)
        self._expect(TokenKind.RIGHT_DELIMITER, context)
        self._template_body(name, context)

    def _template_body(self, name: str, context: str) -> None:
        """Parse the body of a define or block, up to its end."""
        outer, self._scope = self._scope, _Scope()
        body, closing = self._items()
        if closing.word != "end":
            raise self._failed(f"unexpected {closing} in {context}")
        self._add(name, body)
        self._scope = outer

    def _items(self) -> tuple[nodes.ListNode, _Closing]:
        """Parse up to `end` or `else`."""
        self._nest()
        found: list[nodes.TreeNode] = []
        begin = self._tokens.peek_word().position
        while self._tokens.peek_word().kind is not TokenKind.EOF:
            node = self._text_or_action()
            if isinstance(node, _Closing):
                self._depth -= 1
                return self._list(begin, found), node
            found.append(node)
        raise self._failed("unexpected EOF")

    def _text_or_action(self) -> nodes.TreeNode | _Closing:
        token = self._tokens.next_word()
        if token.kind is TokenKind.TEXT:
            return nodes.TextNode(self._source, token.position, token.text)
        if token.kind is not TokenKind.LEFT_DELIMITER:
            raise self._unexpected(token, "input")
        self._action_line = token.line
        try:
            return self._action()
        finally:
            # An error has been raised with the line already.
            self._action_line = 0

    def _action(self) -> nodes.TreeNode | _Closing:
        token = self._tokens.next_word()
        match token.kind:
            case TokenKind.BLOCK:
                return self._block()
            case TokenKind.BREAK | TokenKind.CONTINUE:
                return self._jump(token)
            case TokenKind.ELSE:
                return self._else()
            case TokenKind.END:
                return _Closing("end", self._expect(TokenKind.RIGHT_DELIMITER, "end").line)
            case TokenKind.IF | TokenKind.WITH | TokenKind.RANGE:
                return self._branch(token.text)
            case TokenKind.TEMPLATE:
                return self._template()
        self._tokens.back()
        token = self._tokens.peek()
        pipe = self._pipeline("command", TokenKind.RIGHT_DELIMITER)
        return nodes.ActionNode(self._source, token.position, pipe)

    def _jump(self, token: TemplateToken) -> nodes.JumpNode:
        word = f"{{{{{token.text}}}}}"
        if (following := self._tokens.next_word()).kind is not TokenKind.RIGHT_DELIMITER:
            raise self._unexpected(following, word)
        if not self._scope.ranges:
            raise self._failed(f"{word} outside {{{{range}}}}")
        return nodes.JumpNode(self._source, token.position, token.text)

    def _else(self) -> _Closing:
        following = self._tokens.peek_word()
        if following.kind not in (TokenKind.IF, TokenKind.WITH):
            following = self._expect(TokenKind.RIGHT_DELIMITER, "else")
        return _Closing("else", following.line)

    def _branch(self, word: str) -> nodes.BranchNode:
        self._nest()
        known = len(self._scope.variables)
        pipe = self._pipeline(word, TokenKind.RIGHT_DELIMITER)
        self._scope.ranges += word == "range"
        body, closing = self._items()
        self._scope.ranges -= word == "range"
        otherwise = None
        if closing.word == "else":
            if word in _CHAINED and self._tokens.peek().kind is _CHAINED[word]:
                # `else if` shares the `end` of its `if`.
                token = self._tokens.next()
                otherwise = self._list(token.position, [self._branch(word)])
            else:
                otherwise, closing = self._items()
                if closing.word != "end":
                    raise self._failed(f"expected end; found {closing}")
        del self._scope.variables[known:]
        self._depth -= 1
        return nodes.BranchNode(self._source, pipe.position, word, pipe, body, otherwise)

    def _block(self) -> nodes.TemplateNode:
        context = "block clause"
        token, name = self._template_name(context)
        pipe = self._pipeline(context, TokenKind.RIGHT_DELIMITER)
        self._template_body(name, context)
        return nodes.TemplateNode(self._source, token.position, go_quote(name), name, pipe)

    def _template(self) -> nodes.TemplateNode:
        context = "template clause"
        token, name = self._template_name(context)
        pipe = None
        if self._tokens.next_word().kind is not TokenKind.RIGHT_DELIMITER:
            self._tokens.back()
            pipe = self._pipeline(context, TokenKind.RIGHT_DELIMITER)
        return nodes.TemplateNode(self._source, token.position, go_quote(name), name, pipe)

    def _template_name(self, context: str) -> tuple[TemplateToken, str]:
        token = self._tokens.next_word()
        if token.kind not in (TokenKind.STRING, TokenKind.RAW_STRING):
            raise self._unexpected(token, context)
        return token, self._literal(token)

    def _literal(self, token: TemplateToken) -> str:
        try:
            return unquote(token.text)
        except LiteralError as exc:
            raise self._failed(str(exc)) from exc

    # Pipelines

    def _pipeline(self, context: str, end: TokenKind) -> nodes.PipeNode:
        begin = self._tokens.peek_word().position
        variables, assigns = self._declarations(context)
        commands: list[nodes.CommandNode] = []
        while (token := self._tokens.next_word()).kind is not end:
            if token.kind not in _OPERANDS:
                raise self._unexpected(token, context)
            self._tokens.back()
            commands.append(self._command())
        if not commands:
            raise self._failed(f"missing value for {context}")
        for number, command in enumerate(commands[1:], 2):
            if isinstance(command.arguments[0], _NOT_CALLABLE):
                raise self._failed(f"non executable command in pipeline stage {number}")
        return nodes.PipeNode(self._source, begin, tuple(commands), tuple(variables), assigns)

    def _declarations(self, context: str) -> tuple[list[nodes.VariableNode], bool]:
        variables: list[nodes.VariableNode] = []
        while (token := self._tokens.peek_word()).kind is TokenKind.VARIABLE:
            self._tokens.next()
            # "$x foo" and "$x := foo" differ in the third token only.
            after, following = self._tokens.peek(), self._tokens.peek_word()
            declares = following.kind in (TokenKind.ASSIGN, TokenKind.DECLARE)
            if not declares and (following.kind, following.text) != (TokenKind.CHAR, ","):
                if after.kind is TokenKind.SPACE:
                    self._tokens.back_three(token, after)
                else:
                    self._tokens.back_two(token)
                break
            self._tokens.next_word()
            variables.append(nodes.VariableNode(self._source, token.position, token.text))
            self._scope.variables.append(token.text)
            if declares:
                return variables, following.kind is TokenKind.ASSIGN
            if context != "range" or len(variables) > 1:
                raise self._failed(f"too many declarations in {context}")
            if self._tokens.peek_word().kind not in (
                TokenKind.VARIABLE,
                TokenKind.RIGHT_DELIMITER,
                TokenKind.RIGHT_PAREN,
            ):
                raise self._failed("range can only initialize variables")
        return variables, False

    def _command(self) -> nodes.CommandNode:
        begin = self._tokens.peek_word().position
        arguments = []
        while True:
            self._tokens.peek_word()
            operand = self._operand()
            if operand is not None:
                arguments.append(operand)
            token = self._tokens.next()
            if token.kind is TokenKind.SPACE:
                continue
            if token.kind in (TokenKind.RIGHT_DELIMITER, TokenKind.RIGHT_PAREN):
                self._tokens.back()
            elif token.kind is not TokenKind.PIPE:
                raise self._unexpected(token, "operand")
            break
        if not arguments:
            raise self._failed("empty command")
        return nodes.CommandNode(self._source, begin, tuple(arguments))

    def _operand(self) -> nodes.TreeNode | None:
        node = self._term()
        if node is None or self._tokens.peek().kind is not TokenKind.FIELD:
            return node
        begin, names = self._tokens.peek().position, []
        while self._tokens.peek().kind is TokenKind.FIELD:
            names.append(self._tokens.next().text[1:])
        match node:
            case nodes.FieldNode():
                return nodes.FieldNode(self._source, begin, (*node.names, *names))
            case nodes.VariableNode():
                return nodes.VariableNode(self._source, begin, node.name, (*node.fields, *names))
        if isinstance(node, _NOT_CALLABLE):
            raise self._failed(f"unexpected . after term {go_quote(str(node))}")
        return nodes.ChainNode(self._source, begin, node, tuple(names))

    def _term(self) -> nodes.TreeNode | None:
        token = self._tokens.next_word()
        source, at = self._source, token.position
        match token.kind:
            case TokenKind.IDENTIFIER:
                if token.text not in self._functions:
                    raise self._failed(f"function {go_quote(token.text)} not defined")
                return nodes.IdentifierNode(source, at, token.text)
            case TokenKind.DOT:
                return nodes.DotNode(source, at)
            case TokenKind.NIL:
                return nodes.NilNode(source, at)
            case TokenKind.VARIABLE:
                if token.text not in self._scope.variables:
                    raise self._failed(f"undefined variable {go_quote(token.text)}")
                return nodes.VariableNode(source, at, token.text)
            case TokenKind.FIELD:
                return nodes.FieldNode(source, at, (token.text[1:],))
            case TokenKind.BOOL:
                return nodes.BoolNode(source, at, token.text == "true")
            case TokenKind.CHAR_CONSTANT | TokenKind.COMPLEX | TokenKind.NUMBER:
                return nodes.NumberNode(source, at, token.text, self._number(token))
            case TokenKind.LEFT_PAREN:
                self._nest()
                pipe = self._pipeline("parenthesized pipeline", TokenKind.RIGHT_PAREN)
                self._depth -= 1
                return pipe
            case TokenKind.STRING | TokenKind.RAW_STRING:
                return nodes.StringNode(source, at, token.text, self._literal(token))
        self._tokens.back()
        return None

    def _number(self, token: TemplateToken) -> Number:
        is_char = token.kind is TokenKind.CHAR_CONSTANT
        try:
            return (parse_character if is_char else parse_number)(token.text)
        except LiteralError as exc:
            raise self._failed(str(exc)) from exc
