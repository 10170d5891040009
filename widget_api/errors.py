"""What can go wrong, in the words of the domain; web/errors.py alone knows how each is answered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """One wrong field. `code` names a text in the dictionaries (`fields.<code>`), `values` fill its gaps."""

    field: str
    code: str
    values: tuple[tuple[str, str | int], ...] = ()
    allowed: tuple[str, ...] = ()  # what the field takes, where that is one of a few


class DomainError(Exception):
    """Something the caller did cannot be done. `code` names its text in the dictionaries (`errors.<code>`)."""

    code = "failed"

    def __init__(self, code: str | None = None, **values: object) -> None:
        super().__init__(code or self.code)
        if code is not None:
            self.code = code
        self.values = values


class NotFound(DomainError):
    """There is no such thing, or it is not this caller's to know."""

    code = "not_found"


class Refused(DomainError):
    """The caller may not do this."""

    code = "refused"


class Forbidden(Refused):
    """It is somebody else's, and the caller may know that."""

    code = "forbidden"


class Unauthenticated(DomainError):
    """The caller has not said who they are."""

    code = "unauthenticated"


class Malformed(DomainError):
    """The request cannot be read, or a parameter is not one."""

    code = "malformed"


class TooLarge(DomainError):
    code = "too_large"


class WrongType(DomainError):
    code = "wrong_type"


class TooMany(DomainError):
    """A limit was reached; `retry_after` is in whole seconds."""

    code = "too_many"

    def __init__(self, retry_after: int, code: str | None = None) -> None:
        super().__init__(code, retry_after=retry_after)
        self.retry_after = retry_after


class Busy(DomainError):
    """There is no room for this now; `retry_after` is in whole seconds."""

    code = "busy"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)
        self.retry_after = retry_after


class Conflict(DomainError):
    """The thing is in another state than the caller believes."""

    code = "conflict"


class Invalid(DomainError):
    """One field or several are wrong: all of them, at once."""

    code = "invalid"

    def __init__(self, fields: tuple[FieldError, ...], code: str | None = None) -> None:
        super().__init__(code)
        self.fields = fields


class Unavailable(DomainError):
    """A part the service needs does not answer; trying again later is right."""

    code = "unavailable"
