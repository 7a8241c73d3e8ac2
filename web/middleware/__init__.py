"""What happens around every request, outermost first.

`journey` gives it an id and a log line, `failures` turns exceptions into answers,
`journey` gives it an id and a log line, `failures` turns exceptions into answers,
`rates` refuses who asks too often, by address before `guard` and by key after, `origins`
answers what browsers ask on behalf of other sites' pages, `audit` records what was
changed, `guard` finds out who sends it and whether they may; `headers` are laid on every
answer.
"""

__all__ = ["audit", "failures", "guard", "headers", "journey", "origins", "rates"]
