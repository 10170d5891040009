"""The subjects of the torture pages: what stands in the page, and how a resident gets to «sent» by keyboard alone."""

import re
from dataclasses import dataclass, field

from tests.support import host
from tests.support.pages import examples
from tests.support.widget import ACCEPTED


@dataclass(frozen=True)
class Subject:
    name: str
    # The parts of the snippet. {{W}} and so on are filled in; `nonce="{{NONCE}}"` is left out where the page has none.
    element: str
    script: str
    fields: dict[str, str]  # CSS selector of a control → key or text, once each, in the order of the Tab key
    buttons: str  # CSS selector of what is pressed with Enter whenever it is reached: opens, goes on, sends
    sent: str  # a text that is shown once the report is sent
    opened: str = ""  # a text that is shown once it is open, where the focus stays behind on the button
    opener: str = ""  # the button that opens, which has the focus after Escape; empty: the form stands in the page
    frames: str = ""  # what it needs in a policy beside scripts, requests and pictures
    ours: str = host.OURS  # the elements of the page whose contents are the subject's
    # Differences that its documentation announces or, for the rivals, that it leaves on a page without a hazard.
    documented: re.Pattern[str] = field(default=host.DOCUMENTED)


WRITTEN = "Яма у школы"
_FORM = {"#category input": "Space", "#description": WRITTEN, "#address": "Мира, 5", "#consent": "Space"}
WIDGET = Subject(
    "widget",
    examples.ELEMENT,
    examples.SCRIPT,
    _FORM,
    "[part=button], .turn .button, .end .button:not([type])",
    ACCEPTED,
    opener="[part=button]",
)
# The same form in a frame, without a script in the page.
IFRAME = Subject(
    "iframe",
    '<iframe src="{{W}}/s/{{KEY}}/embed?type=basic" title="Сообщить о проблеме" width="640" height="640"></iframe>',
    "",
    _FORM,
    ".turn .button, .end .button:not([type])",
    ACCEPTED,
    frames="frame-src {{W}};",
    ours="iframe",
    documented=re.compile(r"^global window\.\d+$"),  # a frame that is replaced has another window
)
# https://isso-comments.de/docs/reference/client-config/
ISSO = Subject(
    "isso",
    '<section id="isso-thread" data-title="Город" data-isso-id="/{{NONCE}}"></section>',
    '<script async="" nonce="{{NONCE}}" data-isso="{{W}}/" src="{{W}}/js/embed.min.js"></script>',
    {".isso-textarea": WRITTEN},
    ".isso-postbox [type=submit]",
    WRITTEN,
    frames="style-src {{W}};",
    ours="#isso-thread, #isso-style",
    documented=re.compile(
        r"^global window\.Isso$|id=\"isso-style\"|^page (sheets|cookies|localStorage)"
        r"|^listener (window: hashchange|document: DOMContentLoaded)"
    ),
)
# https://docs.sentry.io/platforms/javascript/user-feedback/configuration/ puts the button into the body by itself. It
# has no `opener`: the dialog leaves the focus nowhere on every page, which would hide how the pages differ.
SENTRY = Subject(
    "sentry",
    "",
    '<script async="" nonce="{{NONCE}}" src="{{W}}/sentry.js"></script>',
    {"#message": WRITTEN},
    ".widget__actor, .btn--primary",
    "Thank you for your report!",
    opened="Send Bug Report",
    frames="style-src 'unsafe-inline';",
    ours="#sentry-feedback",
    documented=re.compile(
        r"^global window\.__SENTRY__$|<div id=\"sentry-feedback\">|^dom (gone|new): <body "
        r"|^listener (document: (visibilitychange|freeze|resume)|window: (pagehide|pageshow)): undefined"
    ),
)
SUBJECTS = {one.name: one for one in (WIDGET, IFRAME, ISSO, SENTRY)}
