"""Define the errors of the domain. `web/errors.py` maps them to HTTP responses."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FieldError:
    """An invalid field. `code` names a text in the dictionaries (`fields.<code>`), `values` are its placeholders."""

    field: str
    code: str
    values: tuple[tuple[str, str | int], ...] = ()
    allowed: tuple[str, ...] = ()  # the allowed values, if they are few


class DomainError(Exception):
    """The request cannot be fulfilled. `code` names its text in the dictionaries (`errors.<code>`)."""

    code = "failed"

    def __init__(self, code: str | None = None, **values: object) -> None:
        super().__init__(code or self.code)
        if code is not None:
            self.code = code
        self.values = values


class NotFound(DomainError):
    """The object does not exist, or the caller must not know that it does."""

    code = "not_found"


class Refused(DomainError):
    """The caller may not do this."""

    code = "refused"


class Forbidden(Refused):
    """The object belongs to somebody else, and the caller may know that."""

    code = "forbidden"


class Unauthenticated(DomainError):
    """The caller is not authenticated."""

    code = "unauthenticated"


class Malformed(DomainError):
    """The request cannot be parsed, or a parameter is invalid."""

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
    """The server has no capacity for this now; `retry_after` is in whole seconds."""

    code = "busy"

    def __init__(self, retry_after: int) -> None:
        super().__init__(retry_after=retry_after)
        self.retry_after = retry_after


class Conflict(DomainError):
    """The object is in another state than the caller assumes."""

    code = "conflict"


class Invalid(DomainError):
    """One or more fields are invalid; contains all errors."""

    code = "invalid"

    def __init__(self, fields: tuple[FieldError, ...], code: str | None = None) -> None:
        super().__init__(code)
        self.fields = fields


class Unavailable(DomainError):
    """A resource of the service does not respond; the caller should try again later."""

    code = "unavailable"
