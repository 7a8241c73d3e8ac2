"""What happens around every request, outermost first.

`journey` gives it an id and a log line, `failures` turns exceptions into answers,
`guard` finds out who sends it and whether they may, `rates` refuses who asks too often,
by address before `guard` and by key after, `origins` answers what browsers ask on behalf
of other sites' pages; `headers` are laid on every answer.
"""

__all__ = ["failures", "guard", "headers", "journey", "origins", "rates"]
