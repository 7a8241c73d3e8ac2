"""Cuts a template into tokens: texts, delimiters and the words inside actions.

Source: Go, package text/template/parse.
"""

from dataclasses import dataclass
from enum import Enum, auto

from alerting.templates.language.literals import go_quote, rune_name

LEFT, RIGHT = "{{", "}}"
_LEFT_COMMENT, _RIGHT_COMMENT = "/*", "*/"
_SPACE = " \t\r\n"
_MARKER_LENGTH = 2
_SHOWN_CHARS = 10


class TokenKind(Enum):
    """The kind of a token; the keywords stand last."""

    ERROR = auto()
    BOOL = auto()
    CHAR = auto()
    CHAR_CONSTANT = auto()
    COMPLEX = auto()
    ASSIGN = auto()
    DECLARE = auto()
    EOF = auto()
    FIELD = auto()
    IDENTIFIER = auto()
    LEFT_DELIMITER = auto()
    LEFT_PAREN = auto()
    NUMBER = auto()
    PIPE = auto()
    RAW_STRING = auto()
    RIGHT_DELIMITER = auto()
    RIGHT_PAREN = auto()
    SPACE = auto()
    STRING = auto()
    TEXT = auto()
    VARIABLE = auto()
    BLOCK = auto()
    BREAK = auto()
    CONTINUE = auto()
    DOT = auto()
    DEFINE = auto()
    ELSE = auto()
    END = auto()
    IF = auto()
    NIL = auto()
    RANGE = auto()
    TEMPLATE = auto()
    WITH = auto()


_KEYWORDS = {
    ".": TokenKind.DOT,
    "block": TokenKind.BLOCK,
    "break": TokenKind.BREAK,
    "continue": TokenKind.CONTINUE,
    "define": TokenKind.DEFINE,
    "else": TokenKind.ELSE,
    "end": TokenKind.END,
    "if": TokenKind.IF,
    "range": TokenKind.RANGE,
    "nil": TokenKind.NIL,
    "template": TokenKind.TEMPLATE,
    "with": TokenKind.WITH,
}
_KEYWORD_KINDS = frozenset(_KEYWORDS.values())


@dataclass(frozen=True, slots=True)
class TemplateToken:
    """A piece of a template.

    Attributes:
        position: the index of its first character in the template.
        line: the line on which it begins, from 1.
    """

    kind: TokenKind
    position: int
    text: str
    line: int

    def __str__(self) -> str:
        """Render as Go does in its messages."""
        if self.kind is TokenKind.EOF:
            return "EOF"
        if self.kind is TokenKind.ERROR:
            return self.text
        if self.kind in _KEYWORD_KINDS:
            return f"<{self.text}>"
        if len(self.text.encode(errors="surrogateescape")) > _SHOWN_CHARS:
            return go_quote(self.text[:_SHOWN_CHARS]) + "..."
        return go_quote(self.text)


def _is_word(char: str) -> bool:
    return char == "_" or char.isalpha() or char.isdecimal()


class Lexer:
    """Yields the tokens of one template, the last an EOF or an ERROR."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._start = 0
        self._line = self._start_line = 1
        self._inside = False
        self._parens = 0

    def next_token(self) -> TemplateToken:
        """Return the next token; after the last one an EOF each time."""
        while True:
            token = self._inside_action() if self._inside else self._text_or_delimiter()
            if token is not None:
                return token

    def _token(self, kind: TokenKind) -> TemplateToken:
        token = TemplateToken(
            kind, self._start, self._text[self._start : self._at], self._start_line
        )
        self._ignore()
        return token

    def _ignore(self) -> None:
        """Leave out the text up to here."""
        self._line += self._text.count("\n", self._start, self._at)
        self._start, self._start_line = self._at, self._line

    def _error(self, message: str) -> TemplateToken:
        token = TemplateToken(TokenKind.ERROR, self._start, message, self._start_line)
        self._text, self._at, self._start, self._inside = "", 0, 0, False
        return token

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        self._at += len(char)
        return char

    def _text_or_delimiter(self) -> TemplateToken | None:
        at = self._text.find(LEFT, self._at)
        if at < 0:
            self._at = len(self._text)
            return self._token(TokenKind.TEXT if self._at > self._start else TokenKind.EOF)
        if at == self._start:
            return self._left_delimiter()
        text = self._text[self._start : at]
        kept = text.rstrip(_SPACE) if self._trims_left(at + len(LEFT)) else text
        self._at = self._start + len(kept)
        token = self._token(TokenKind.TEXT)
        self._at = at
        self._ignore()
        return token if token.text else None

    def _trims_left(self, at: int) -> bool:
        return self._text[at : at + 1] == "-" and self._is_space(at + 1)

    def _is_space(self, at: int) -> bool:
        char = self._text[at : at + 1]
        return char != "" and char in _SPACE

    def _left_delimiter(self) -> TemplateToken | None:
        self._at += len(LEFT)
        marker = _MARKER_LENGTH if self._trims_left(self._at) else 0
        if self._text.startswith(_LEFT_COMMENT, self._at + marker):
            self._at += marker
            self._ignore()
            return self._comment()
        token = self._token(TokenKind.LEFT_DELIMITER)
        self._inside, self._parens = True, 0
        self._at += marker
        self._ignore()
        return token

    def _comment(self) -> TemplateToken | None:
        end = self._text.find(_RIGHT_COMMENT, self._at + len(_LEFT_COMMENT))
        if end < 0:
            return self._error("unclosed comment")
        self._at = end + len(_RIGHT_COMMENT)
        closes, trims = self._at_right_delimiter()
        if not closes:
            return self._error("comment ends before closing delimiter")
        self._at += len(RIGHT) + (_MARKER_LENGTH if trims else 0)
        if trims:
            self._skip_space()
        self._ignore()
        return None

    def _skip_space(self) -> None:
        while self._is_space(self._at):
            self._at += 1

    def _at_right_delimiter(self) -> tuple[bool, bool]:
        """Return whether the closing delimiter follows, and whether it trims."""
        if self._is_space(self._at) and self._text.startswith("-" + RIGHT, self._at + 1):
            return True, True
        return self._text.startswith(RIGHT, self._at), False

    def _right_delimiter(self) -> TemplateToken:
        _, trims = self._at_right_delimiter()
        if trims:
            self._at += _MARKER_LENGTH
            self._ignore()
        self._at += len(RIGHT)
        token = self._token(TokenKind.RIGHT_DELIMITER)
        if trims:
            self._skip_space()
            self._ignore()
        self._inside = False
        return token

    def _inside_action(self) -> TemplateToken:
        if self._at_right_delimiter()[0]:
            return self._error("unclosed left paren") if self._parens else self._right_delimiter()
        char = self._peek()
        if char and char in _SPACE:
            return self._space()
        if char in ("+", "-") or "0" <= char <= "9":
            return self._number()
        if char == ".":
            following = self._text[self._at + 1 : self._at + 2]
            return self._number() if "0" <= following <= "9" else self._name(TokenKind.FIELD)
        if char and _is_word(char):
            return self._identifier()
        match char:
            case "":
                return self._error("unclosed action")
            case '"' | "`" | "'":
                return self._quoted(char)
            case "$":
                return self._name(TokenKind.VARIABLE)
        return self._sign()

    def _sign(self) -> TemplateToken:
        char = self._next()
        match char:
            case "=":
                return self._token(TokenKind.ASSIGN)
            case ":":
                if self._next() != "=":
                    return self._error("expected :=")
                return self._token(TokenKind.DECLARE)
            case "|":
                return self._token(TokenKind.PIPE)
            case "(":
                self._parens += 1
                return self._token(TokenKind.LEFT_PAREN)
            case ")":
                self._parens -= 1
                if self._parens < 0:
                    return self._error("unexpected right paren")
                return self._token(TokenKind.RIGHT_PAREN)
        if char.isascii() and char.isprintable():
            return self._token(TokenKind.CHAR)
        return self._error(f"unrecognized character in action: {rune_name(char)}")

    def _space(self) -> TemplateToken:
        begin = self._at
        self._skip_space()
        # The last space belongs to a closing delimiter that trims: ` -}}`.
        if self._text.startswith("-" + RIGHT, self._at):
            self._at -= 1
            if self._at == begin:
                return self._right_delimiter()
        return self._token(TokenKind.SPACE)

    def _skip_word(self) -> None:
        while (char := self._peek()) and _is_word(char):
            self._at += 1

    def _at_terminator(self) -> bool:
        """Whether the next character may follow a name."""
        char = self._peek()
        return char == "" or char in _SPACE + ".,|:)(" or self._text.startswith(RIGHT, self._at)

    def _identifier(self) -> TemplateToken:
        self._skip_word()
        word = self._text[self._start : self._at]
        if not self._at_terminator():
            return self._error(f"bad character {rune_name(self._peek())}")
        if word in _KEYWORDS:
            return self._token(_KEYWORDS[word])
        return self._token(TokenKind.BOOL if word in ("true", "false") else TokenKind.IDENTIFIER)

    def _name(self, kind: TokenKind) -> TemplateToken:
        """Read `.field` or `$variable`; either sign may stand alone."""
        self._at += 1
        if self._at_terminator():
            return self._token(TokenKind.DOT if kind is TokenKind.FIELD else kind)
        self._skip_word()
        if not self._at_terminator():
            return self._error(f"bad character {rune_name(self._peek())}")
        return self._token(kind)

    def _quoted(self, quote: str) -> TemplateToken:
        kind, name = {
            '"': (TokenKind.STRING, "quoted string"),
            "`": (TokenKind.RAW_STRING, "raw quoted string"),
            "'": (TokenKind.CHAR_CONSTANT, "character constant"),
        }[quote]
        self._at += 1
        while (char := self._next()) != quote:
            if char == "\\" and quote != "`":
                char = self._next()
            if char == "" or (char == "\n" and quote != "`"):
                return self._error(f"unterminated {name}")
        return self._token(kind)

    def _number(self) -> TemplateToken:
        valid = self._scan_number()
        if valid and self._peek() in ("+", "-") and self._peek():
            # A complex number, 1+2i, has no spaces and ends in i.
            if self._scan_number() and self._text[self._at - 1] == "i":
                return self._token(TokenKind.COMPLEX)
            valid = False
        if not valid:
            return self._error(f"bad number syntax: {go_quote(self._text[self._start : self._at])}")
        return self._token(TokenKind.NUMBER)

    def _accept(self, chars: str) -> bool:
        char = self._peek()
        found = char != "" and char in chars
        self._at += found
        return found

    def _accept_run(self, chars: str) -> None:
        while self._accept(chars):
            pass

    def _scan_number(self) -> bool:
        self._accept("+-")
        digits, exponent = "0123456789_", "eE"
        if self._accept("0"):
            if self._accept("xX"):
                digits, exponent = "0123456789abcdefABCDEF_", "pP"
            elif self._accept("oO"):
                digits, exponent = "01234567_", ""
            elif self._accept("bB"):
                digits, exponent = "01_", ""
        self._accept_run(digits)
        if self._accept("."):
            self._accept_run(digits)
        if exponent and self._accept(exponent):
            self._accept("+-")
            self._accept_run("0123456789_")
        self._accept("i")
        if (char := self._peek()) and _is_word(char):
            self._at += 1
            return False
        return True
