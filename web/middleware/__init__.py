"""The middlewares around every request handler, in `application.py` from the outermost in.

`request_log` gives a request its id and writes its log line. `failures` turns exceptions
into responses. `rate_limits` refuses senders over their quota: by address before `guard`,
by session or token after it. `cors` answers preflight requests. `audit` records changes.
`guard` authenticates the sender and checks its role. `viewing` sets the reader's language and
zone for pages. `headers` adds the headers of every
response.

A middleware that only looks at the request is a plain function and returns the answer of its
handler: each coroutine costs every request its time.
"""

__all__ = ["audit", "cors", "failures", "guard", "headers", "rate_limits", "request_log", "viewing"]
