"""Constraints of a valid request that no schema expresses: keys are used once, a photo is a picture, a solution has its
challenge.
"""

import base64
import io
import json
import re
import uuid
from typing import Any

import schemathesis
from hypothesis import strategies
from PIL import Image


def picture() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(written, "JPEG")
    return written.getvalue()


def solution() -> str:
    """Well-formed, but for no issued challenge: refused with 403, like a used one."""
    solved = {"algorithm": "SHA-256", "challenge": "0" * 64, "number": 1, "salt": "0" * 24, "signature": "0" * 64}
    return base64.b64encode(json.dumps(solved).encode()).decode()


schemathesis.openapi.format("binary", strategies.just(picture()))
schemathesis.openapi.format("solution", strategies.just(solution()))
# Words in one alphabet each, which no pattern can express: three alphabets make three names.
schemathesis.openapi.format(
    "name",
    strategies.one_of(
        *(
            strategies.text(
                strategies.characters(exclude_categories=["L", "Cs"], max_codepoint=0x2FF) | letters, max_size=60
            )
            for letters in map(strategies.sampled_from, ("AaZzÉéŁłſ", "АаЯяЁёІі", "ΑαΩω"))
        )
    ),
)


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Of a multipart form, only names and values that the headers of its parts can carry: printable ASCII. Of document
    numbers, none of a report that the run itself has sent: it exists although the description names one alone."""
    if context.operation is None or not isinstance(body, dict):
        return True
    if context.operation.path.endswith("/platform/documents") and isinstance(body.get("items"), list):
        numbers = [one.get("number") for one in body["items"] if isinstance(one, dict)]
        return not any(isinstance(number, int | float) and 1 < number < 100_000 for number in numbers)
    if not context.operation.path.endswith("/photos"):
        return True
    plain = re.compile("[ -~]*")
    others = {name: value for name, value in body.items() if name != "file"}
    return all(
        re.fullmatch(r"\w+", name, re.ASCII) and isinstance(value, str) and plain.fullmatch(value)
        for name, value in others.items()
    )


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:
    """Not those that are wrong in the format of a name alone: it only steers what is drawn, see above."""
    changed = getattr(case.meta.phase.data, "mutations", ()) if case.meta else ()
    return all((one.schema_pointer, one.keywords) != ("/properties/name", ("format",)) for one in changed)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Give each valid report its own key: the same key with another body is correctly refused."""
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch(r"[\x20-\x7e]{1,255}", key) and key.strip():
        case.headers["Idempotency-Key"] = uuid.uuid4().hex
