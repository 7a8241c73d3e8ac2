"""The errors of the store."""


class StorageError(Exception):
    """Base of every error that this package raises on purpose."""


class StoreClosedError(StorageError):
    """The store was used before it was opened or after it was closed."""


class UnwritableError(StorageError):
    """The disk refuses reads or writes for now: full, read-only, locked, failing or gone."""


class CorruptDataError(StorageError):
    """Stored bytes do not decode; their data is lost, everything else stays readable."""


class OutOfOrderError(StorageError):
    """A vector is not newer than the last one of its source."""

    def __init__(self, source: str, time_ms: int, last_ms: int) -> None:
        super().__init__(f"{source}: vector at {time_ms} ms, last at {last_ms} ms")
        self.source, self.time_ms, self.last_ms = source, time_ms, last_ms


class RecordError(StorageError):
    """Base of every error about a single record."""


class NotFoundError(RecordError):
    """No record has this identity."""

    def __init__(self, kind: str, key: object) -> None:
        super().__init__(f"no {kind} {key!r}")
        self.kind, self.key = kind, key


class LastAdminError(RecordError):
    """A change would leave the server without an administrator."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is the last admin")
        self.name = name


class LastOwnerError(RecordError):
    """A change would leave a project without an owner."""

    def __init__(self, user: str) -> None:
        super().__init__(f"{user} is the last owner of the project")
        self.user = user


class TakenError(RecordError):
    """Another record already has this value of a unique field."""

    def __init__(self, kind: str, field: str, value: str, hint: str = "") -> None:
        text = f"{field}: a {kind} {value!r} exists already"
        super().__init__(f"{text}; {hint}" if hint else text)
        self.kind, self.field, self.value, self.hint = kind, field, value, hint


class StaleVersionError(RecordError):
    """A change starts from a version that is not the newest one."""

    def __init__(self, kind: str, key: str, given: int, newest: int) -> None:
        super().__init__(
            f"version: the {kind} {key!r} is at version {newest}, the change starts from"
            f" {given}; read it again and repeat the change"
        )
        self.kind, self.key, self.given, self.newest = kind, key, given, newest
        self.field = "version"
