"""The first account of a new server."""

import asyncio

from storage.api.accounts import AccountRecords, Role
from web.identity.passwords import generate_password, hash_password

FIRST_ADMIN = "admin"


async def ensure_first_admin(
    accounts: AccountRecords, password: str | None, now_ms: int
) -> str | None:
    """Add the user `admin` if there is no user yet.

    Returns:
        The generated password; None if `password` was given or there are users.
    """
    if await accounts.users():
        return None
    chosen = password or generate_password()
    password_hash = await asyncio.to_thread(hash_password, chosen)
    await accounts.add_user(FIRST_ADMIN, Role.ADMIN, password_hash, now_ms)
    return None if password else chosen
