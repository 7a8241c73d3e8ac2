"""The first account of a new server."""

import asyncio

from storage.api.accounts import AccountRecords, Role
from web.http.errors import BadRequestError
from web.identity.password_rules import weakness
from web.identity.passwords import SHORTEST, generate_password, hash_password

FIRST_ADMIN = "admin"


async def ensure_first_admin(
    accounts: AccountRecords, password: str | None, now_ms: int
) -> str | None:
    """Add the user `admin` if there is no user yet.

    Returns:
        The generated password; None if `password` was given or there are users.

    Raises:
        BadRequestError: the given password is too easy to guess.
    """
    if await accounts.users():
        return None
    if password is not None:
        reason = weakness(password, FIRST_ADMIN)
        if len(password) < SHORTEST:
            reason = f"has less than {SHORTEST} characters"
        if reason:
            raise BadRequestError(f"the administrator's first password {reason}")
    chosen = password or generate_password()
    password_hash = await asyncio.to_thread(hash_password, chosen)
    await accounts.add_user(FIRST_ADMIN, Role.ADMIN, password_hash, now_ms)
    return None if password else chosen
