"""The subjects of the torture pages: what stands in the page, and how a resident gets to «sent» by keyboard alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.support import host
from tests.support.pages import examples
from tests.support.widget import ACCEPTED


@dataclass(frozen=True)
class Subject:
    name: str
    snippet: str  # {{W}} and so on are filled in; `nonce="{{NONCE}}"` is left out on pages without nonces
    fields: dict[str, str]  # CSS selector of a control → key or text, once each, in the order of the Tab key
    buttons: str  # CSS selector of what is pressed with Enter whenever it is reached: opens, goes on, sends
    sent: str  # a text that is shown once the report is sent
    opener: str = ""  # the button that opens, which has the focus after Escape; empty: the form stands in the page
    frames: str = ""  # what it needs in a policy beside scripts, requests and pictures
    ours: str = host.OURS  # the elements of the page whose contents are the subject's
    documented: re.Pattern[str] = field(default=host.DOCUMENTED)  # differences that its documentation announces


_FORM = {
    "#category input": "Space",
    "#description": "Яма у школы",
    "#address": "Мира, 5",
    "#consent": "Space",
}
WIDGET = Subject(
    "widget",
    examples.SUBJECT,
    _FORM,
    "[part=button], .end .button:not([type])",
    ACCEPTED,
    opener="[part=button]",
)
# The same form in a frame, without a script in the page.
IFRAME = Subject(
    "iframe",
    '<iframe src="{{W}}/s/{{KEY}}/embed?type=basic" title="Сообщить о проблеме" width="640" height="640"></iframe>',
    _FORM,
    ".turn .button, .end .button:not([type])",
    ACCEPTED,
    frames="frame-src {{W}};",
    ours="iframe",
)
SUBJECTS = {one.name: one for one in (WIDGET, IFRAME)}
