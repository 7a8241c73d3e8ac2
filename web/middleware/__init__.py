"""What happens around every request, outermost first.

`journey` gives it an id and a log line, `failures` turns exceptions into answers,
`audit` records what it changed, `guard` finds out who sends it and whether they may;
`headers` are laid on every answer.
"""

__all__ = ["audit", "failures", "guard", "headers", "journey"]
