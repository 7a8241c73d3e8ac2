"""The tokens of a template, with tokens that are put back.

Source: Go, package text/template/parse.
"""

from alerting.templates.language.lexer import Lexer, TemplateToken, TokenKind


class TokenStream:
    """Yields tokens; up to three can be put back."""

    def __init__(self, text: str) -> None:
        self._lexer = Lexer(text)
        # The newest token, then those put back in front of it.
        self._tokens = [TemplateToken(TokenKind.EOF, 0, "", 1)] * 3
        self._put_back = 0

    @property
    def newest(self) -> TemplateToken:
        """The token that was read last; errors name its line."""
        return self._tokens[0]

    def next(self) -> TemplateToken:
        """Return the next token."""
        if self._put_back:
            self._put_back -= 1
        else:
            self._tokens[0] = self._lexer.next_token()
        return self._tokens[self._put_back]

    def peek(self) -> TemplateToken:
        """Return the next token and put it back."""
        token = self.next()
        self._put_back += 1
        return token

    def next_word(self) -> TemplateToken:
        """Return the next token that is no space."""
        while (token := self.next()).kind is TokenKind.SPACE:
            pass
        return token

    def peek_word(self) -> TemplateToken:
        """Return the next token that is no space and put it back."""
        token = self.next_word()
        self._put_back += 1
        return token

    def back(self) -> None:
        """Put the last token back."""
        self._put_back += 1

    def back_two(self, first: TemplateToken) -> None:
        """Put back the token before the last one, and the last."""
        self._tokens[1] = first
        self._put_back = 2

    def back_three(self, first: TemplateToken, second: TemplateToken) -> None:
        """Put back the two tokens before the last one, and the last."""
        self._tokens[1], self._tokens[2] = second, first
        self._put_back = 3
