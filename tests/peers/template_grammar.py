"""Generates templates at random, for comparison with Go's."""

import random

_STRINGS = ('"a"', '"x y-1"', "`raw`", '"é\\n"', '""', '"5"', '"1.5e3"', '"job"', '"i"')
_NUMBERS = (
    "0",
    "1",
    "2",
    "-3",
    "1.5",
    "1e6",
    "0x1F",
    "'a'",
    "1_000",
    "5.0",
    "100000.0",
    "1i",
    "017",
)
_INDEXES = ("", "0", "1", "2", "-1", "0 1", "1 0", "1 2", "0 1 2", "0 1 1 1", '"i"', "1.5", "nil")
_VERBS = "vvvdsqxXbcoOUeEfFgGtT"
_FLAGS = ("", "", "", "+", "-", "#", "0", " ", "+#", "-0")
_WIDTHS = ("", "", "", "5", "12", ".2", "8.3", ".0", "3.")
_PIECES = (
    *("{{", "}}", "{{-", "-}}", "|", "(", ")", ".", ".a", "$", "$x", ":=", "=", ",", "'a'", '"s"'),
    *(
        "`r`",
        "1",
        "1.5",
        "-",
        "+",
        "0x",
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
    ),
    *("block", "break", "continue", "nil", "true", "print", "len", "nosuch", "{{/*", "*/}}", "\\"),
    *(" ", " ", " ", "\n", "text", "é", "#", "}", "{", '"', "$labels", "$value", ".Labels.i"),
    *("{{ end }}", "{{ if true }}", "{{ else }}", "{{ range .Labels }}", "{{ $value }}"),
)


class TemplateGrammar:
    """Generates templates that mostly parse.

    Args:
        seed: of the choices.
        operands: expressions on the data.
        calls: further calls, with `{}` for an operand.
        lists: expressions that can be ranged over.
    """

    def __init__(
        self,
        seed: int,
        operands: tuple[str, ...],
        calls: tuple[str, ...],
        lists: tuple[str, ...],
    ) -> None:
        self._random = random.Random(seed)
        self._operands, self._calls, self._lists = operands, calls, lists
        self._variables: list[str] = []

    def template(self) -> str:
        """Return one template."""
        self._variables = []
        return self._body(3)

    def soup(self) -> str:
        """Return pieces of templates in no order."""
        return "".join(self._random.choices(_PIECES, k=self._random.randint(1, 14)))

    def _pick(self, choices: tuple[str, ...] | list[str]) -> str:
        return self._random.choice(choices)

    def _body(self, depth: int) -> str:
        return "".join(self._item(depth) for _ in range(self._random.randint(1, 3)))

    def _item(self, depth: int) -> str:
        left, right = self._pick(("{{ ", "{{", "{{- ")), self._pick((" }}", "}}", " -}}"))
        kind = self._random.randint(0, 13) if depth else self._random.randint(0, 5)
        match kind:
            case 0:
                return self._pick(("text", " a \n", "\n", "{", "}} ", "é "))
            case 1:
                return left.rstrip() + "/* note */" + right.lstrip()
            case 6 | 7:
                word = self._pick(("if", "with"))
                otherwise = self._pick(("", "{{ else }}" + self._body(depth - 1)))
                if not self._random.randint(0, 3):
                    otherwise = (
                        f"{{{{ else {word} {self._operand(1)} }}}}{self._body(0)}" + otherwise
                    )
                return self._scoped(f"{left}{word} {self._pipe(2)}{right}", depth, otherwise)
            case 8 | 9:
                return self._range(left, right, depth)
            case 10:
                known = len(self._variables)
                name = f"$v{known}"
                text = f"{left}{name} := {self._pipe(2)}{right}"
                self._variables.append(name)
                return text
            case 11 if self._variables:
                return f"{left}{self._pick(self._variables)} = {self._pipe(2)}{right}"
            case 12:
                name = f"t{self._random.randint(0, 10**9)}"
                outer, self._variables = self._variables, []
                inner = self._pick(("{{ . }}", "{{ print . }}", "{{ len . }}", "[{{ .i }}]"))
                self._variables = outer
                if self._random.randint(0, 1):
                    return f'{left}block "{name}" {self._pipe(1)}{right}{inner}{{{{ end }}}}'
                define = f'{{{{ define "{name}" }}}}{inner}{{{{ end }}}}' if depth == 3 else ""
                return f'{define}{left}template "{name}" {self._pipe(1)}{right}'
        return f"{left}{self._pipe(3)}{right}"

    def _scoped(self, opening: str, depth: int, otherwise: str) -> str:
        known = len(self._variables)
        body = self._body(depth - 1)
        del self._variables[known:]
        return f"{opening}{body}{otherwise}{{{{ end }}}}"

    def _range(self, left: str, right: str, depth: int) -> str:
        known = len(self._variables)
        over = self._pick((*self._lists, self._operand(1)))
        names = [f"$v{known}", f"$v{known + 1}"][: self._random.randint(0, 2)]
        declared = f"{', '.join(names)} := " if names else ""
        self._variables += names
        jump = self._pick(
            ("", "", "{{ break }}", "{{ continue }}", "{{ if eq . 1 }}{{ break }}{{ end }}")
        )
        shown = self._pick(("{{ . }},", "{{ .Value }}", "{{ .Labels.i }};", ""))
        body = self._body(depth - 1)
        del self._variables[known:]
        otherwise = self._pick(("", "{{ else }}none"))
        return f"{left}range {declared}{over}{right}{shown}{body}{jump}{otherwise}{{{{ end }}}}"

    def _pipe(self, depth: int) -> str:
        commands = [self._command(depth)]
        while depth and not self._random.randint(0, 2):
            commands.append(
                self._pick(
                    ("print", "printf " + self._layout(1), "len", "html", "not", "urlquery", "js")
                )
                if self._random.randint(0, 1)
                else self._pick(self._calls).replace(" {}", "")
            )
        return " | ".join(commands)

    def _operand(self, depth: int) -> str:
        kind = self._random.randint(0, 9)
        if kind < 4:
            return self._pick(self._operands)
        if kind < 5 and self._variables:
            return self._pick(self._variables)
        if kind < 6:
            return self._pick(_STRINGS)
        if kind < 7:
            return self._pick(_NUMBERS)
        if kind < 8 and depth:
            return f"({self._pipe(depth - 1)})"
        return self._pick(("true", "false", ".", "$", "nil", *self._operands))

    def _layout(self, count: int) -> str:
        verbs = [
            "%" + self._pick(_FLAGS) + self._pick(_WIDTHS) + self._pick(tuple(_VERBS))
            for _ in range(count)
        ]
        return '"' + self._pick(("", "a ", "%%")) + "|".join(verbs) + '"'

    def _command(self, depth: int) -> str:
        if not depth or self._random.randint(0, 1):
            return self._operand(depth)
        count = self._random.randint(1, 3)
        operands = [self._operand(depth - 1) for _ in range(count)]
        joined = " ".join(operands)
        match self._random.randint(0, 9):
            case 0 | 1:
                return f"printf {self._layout(count)} {joined}"
            case 2:
                return f"{self._pick(('eq', 'ne', 'lt', 'le', 'gt', 'ge'))} {joined}"
            case 3:
                return f"{self._pick(('and', 'or', 'not'))} {joined}"
            case 4:
                return (
                    f"{self._pick(('print', 'println', 'html', 'js', 'urlquery', 'len'))} {joined}"
                )
            case 5:
                return f"{self._pick(('index', 'slice'))} {operands[0]} {self._pick(_INDEXES)}"
        call = self._pick(self._calls)
        for _ in range(call.count("{}")):
            call = call.replace("{}", self._operand(depth - 1), 1)
        return call
