import base64

import bcrypt

from model.web_config import users
from model.web_config.users import PasswordCheck, credentials

HASHED = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()


def header(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def test_only_a_known_user_with_the_password_is_accepted() -> None:
    check, known = PasswordCheck(), {"ann": HASHED}
    assert check.accepts(known, header("ann", "secret"))
    assert not check.accepts(known, header("ann", "wrong"))
    assert not check.accepts(known, header("bob", "secret"))
    assert not check.accepts(known, header("ann", ""))
    assert not check.accepts(known, header("ann", "x" * 1000))
    assert not check.accepts(known, header("ann", "a\0b"))


def test_results_are_remembered_until_the_hash_changes() -> None:
    check = PasswordCheck()
    assert check.known({"ann": HASHED}, header("ann", "secret")) is None
    assert check.accepts({"ann": HASHED}, header("ann", "secret"))
    assert check.known({"ann": HASHED}, header("ann", "secret"))
    other = bcrypt.hashpw(b"other", bcrypt.gensalt(4)).decode()
    assert not check.accepts({"ann": other}, header("ann", "secret"))


def test_memory_of_results_is_bounded() -> None:
    check = PasswordCheck()
    for number in range(users._CACHED + 20):
        check.accepts({"ann": HASHED}, header("ann", str(number)))
    assert len(check._known) == users._CACHED


def test_other_headers_are_no_credentials() -> None:
    for text in ("", "Basic", "Basic !", "Bearer x", "Basic " + base64.b64encode(b"a").decode()):
        assert credentials(text) is None
