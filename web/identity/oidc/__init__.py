"""Login at an OpenID Connect provider: authorization code with PKCE.

Sources: OpenID Connect Core 1.0 and Discovery 1.0, RFC 6749, RFC 7636 (PKCE), RFC 9207
(issuer in the answer), RFC 9700 (security of OAuth 2.0).
"""
