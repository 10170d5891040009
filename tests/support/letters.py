"""Every letter with plausible values, for tests that check all of them."""

from collections.abc import Iterator
from datetime import date
from typing import Any, get_args

from widget_api import i18n
from widget_api.geo import model as places
from widget_api.participation.model import Act
from widget_api.problems import wording
from widget_api.problems.model import ANSWERS, STATUSES
from widget_api.problems.notices import DATES, KINDS
from widget_api.registration.mail import describe
from widget_api.registration.model import LetterKind

W = "https://widget.test"
MAP = places.map_link(55.0794, 38.7783)  # the only external address: the agency has to find the location
AGENCY = "Администрация городского округа Зареченск"
TYPED = "Яма <b>глубокая</b> & узкая <script>alert(1)</script>\n{{ 7 * 7 }} {% raw %} https://x.test/?a=1&b=2"
LONG = "Превысокомногорассмотрительствующий" * 4


def all_letters(language: str, typed: str = TYPED) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, template and values of each letter; `typed` is used wherever a person's text may appear."""
    about = {
        "agency": AGENCY,
        "site_name": "Официальный сайт Зареченска",
        "problem_number": 1284,
        "category_name": i18n.category_name(language, "roads"),
    }
    for channel in (None, "phone"):
        confirmed = {**about, "confirm_url": f"{W}/confirm/{'a' * 120}", "channel": channel}
        yield f"confirmation{' entered' if channel else ''}", "confirmation", confirmed
    yield "reports", "reports", {"agency": AGENCY, "reports_url": f"{W}/mine/{'a' * 120}"}
    line = {"number": 1284, "category": about["category_name"], "place": typed, "site": about["site_name"]}
    report_line = line | {"received": "12 декабря, 10:15", "url": f"{W}/cabinet/problems/1"}
    undecided = {"agency": "Оператор сервиса", "count": 23, "lines": [report_line], "more": 22}
    yield "undecided", "undecided", {**undecided, "list_url": f"{W}/cabinet/problems?tab=moderation"}
    yield "password", "password_reset", {"agency": AGENCY, "url": f"{W}/cabinet/reset/{'a' * 180}"}
    removed = {"agency": AGENCY, "email": "a@gorod.test", "url": f"{W}/cabinet/account/factor"}
    yield "factor removed", "factor_removed", removed
    changed = {"agency": AGENCY, "email": "a@gorod.test", "url": f"{W}/cabinet/organisation/provider"}
    yield "provider changed", "provider_changed", changed
    invited = {"agency": AGENCY, "role": i18n.text(language, "cabinet.role.agent"), "days": 7}
    yield "invitation", "invitation", {**invited, "invitation_url": f"{W}/cabinet/invitation/{'a' * 43}"}
    asked = {"origin": "https://zarechensk.test", "name": typed, "site": typed, "date": "12 декабря", "reason": typed}
    for kind in get_args(LetterKind):
        described = describe(language, kind, url=f"{W}/sites/application/{'a' * 120}", **asked)
        yield f"registration {kind}", "registration", {"agency": AGENCY, **described}
    code = {"site": about["site_name"], "origins": "https://gorod.test, https://www.gorod.test"}
    of = "https://service.test"  # in code that is pasted, no link of the letter
    pasted = f'<igrajdanin-widget site-key="wk_key">\n  <a href="{of}/s/wk_key/report">…</a>\n</igrajdanin-widget>'
    page = f"{W}/s/wk_key/install"
    code |= {"snippet": pasted, "policy": f"script-src {of}; connect-src {of}", "install_url": page}
    code |= {"check_url": f"{page}/check?token={'a' * 60}"}
    yield "site code", "site_code", {"agency": AGENCY, **code}
    yield "follow", "follow_confirmation", {**about, "follow_url": f"{W}/follow/{'a' * 120}"}
    yield "comment", "comment_confirmation", {**about, "comment_url": f"{W}/comment/{'a' * 120}"}
    for act in get_args(Act):
        for done in (False, True):
            acted: dict[str, Any] = {"act": act, "done": done, "action_url": f"{W}/action/{'a' * 120}"}
            yield f"{act} {done}", "action_confirmation", {**about, **acted}
    entry = {**about, "text": typed, "page_url": f"{W}/s/wk_key/c/budget/1284"}
    yield "news of an author", "participants_news", {**entry, "stop_url": f"{W}/my-action/{'a' * 120}"}
    for email in ("vera@example.test", None):
        yield f"request {bool(email)}", "entry_request", {**entry, "name": typed if email else None, "email": email}
    for published in (True, False):
        decided = {"published": published, "text": typed, "reason": None if published else typed}
        addresses = {"page_url": f"{W}/s/wk_key/problems/1284", "own_url": f"{W}/my-comment/{'a' * 120}"}
        yield f"comment {published}", "comment_decided", {**about, **decided, **addresses}
    for name in (*STATUSES, "note"):
        if name in ("moderation", "withdrawn"):
            continue  # not public: followers get no letter
        values = {
            **about,
            "title": i18n.text(language, "events.note" if name == "note" else f"status_event.{name}"),
            "about": i18n.text(language, f"status_news.{name}", number=1200),
            "preheader": typed,
            "text": typed,
            "official": name in ANSWERS,
            "author": AGENCY,
            "why": i18n.text(language, "people.mail.news.why_merged", number=1284, own=1200, site=AGENCY),
            "page_url": f"{W}/s/wk_key/problems/1284",
            "stop_url": f"{W}/unfollow/{'a' * 120}",
        }
        yield f"followed {name}", "followed", values
    for name in (*STATUSES, "note", "asked"):
        entry = {
            "kind": name if name in ("note", "asked") else "status",
            "status": None if name in ("note", "asked") else name,
            "actor": "agent",
            "expected_on": "2099-12-12",
            "responsible": typed,
            "duplicate_of": 1200,
            "mark": None,
        }
        values = {
            **about,
            "title": wording.title(language, entry),
            "about": i18n.text(language, f"status_letter.{name}", number=1200),
            "preheader": typed,
            "button": i18n.text(language, "mail.status.buttons.else"),
            "text": typed,
            "attached": [(typed, f"{W}/documents/{'a' * 36}/act.pdf?s={'a' * 60}")],
            "author": AGENCY,
            "next": i18n.text(language, "mail.status.due", date="12 декабря"),
            "track_url": f"{W}/t/{'a' * 120}",
            "into": 1200 if name == "duplicate" else None,
            "into_url": f"{W}/s/wk_key/problems/1200" if name == "duplicate" else None,
            "stop_url": f"{W}/unsubscribe/{'a' * 120}",
        }
        yield name, "status", values
    answering = {"reply_to": f"widget+r{'a' * 48}@widget.test", "mail_answers": "publish"}
    cabinet = {**about, **answering, "cabinet_url": f"{W}/cabinet/problems/{'a' * 36}"}
    facts = [("Место", typed), ("Почта", f"{'a' * 60}@example.ru")]
    comment = {"number": 1284, "report": typed, "name": typed, "at": "12 мая, 10:00", "text": typed}
    waiting = [(comment, f"{W}/moderate/{letter * 160}") for letter in "ab"]
    values = {"agency": AGENCY, "site_name": about["site_name"], "comments": waiting, "waiting": 12, "more": 10}
    yield "comments waiting", "comments_waiting", values
    values = {
        **cabinet,
        "page_url": f"{W}/s/wk_key/problems/1284",
        "map_url": MAP,
        "due": "12 декабря",
        "description": typed,
        "added": [typed],
        "facts": facts,
    }
    yield "agency report", "agency_report", values
    service = {"due": "12 декабря", "description": typed, "added": [typed], "facts": facts, "text": typed}
    for by_mail, news in ((True, "first"), (False, "first"), (True, "again")):
        yield (
            f"service report {by_mail}{' again' if news == 'again' else ''}",
            "service_report",
            {**cabinet, **service, "map_url": MAP, "by_mail": by_mail, "news": news, "speaker": AGENCY},
        )
    taken = {"agency": AGENCY, "problem_number": 1284, "cabinet_url": f"{W}/cabinet/problems/{'a' * 36}"}
    for state in ("taken", "held", "refused"):
        yield f"mail {state}", "mail_taken", {**taken, "state": state, "said": typed, "left_out": typed}
    for kind in ("soon", "late"):
        fields = {
            "kind": kind,
            "due": "12 мая",
            "status": i18n.text(language, "status.in_progress"),
            "address": typed,
            "description": typed,
        }
        yield f"reminder {kind}", "agency_reminder", {**cabinet, **fields}
    line = {
        "number": 1284,
        "category": about["category_name"],
        "place": typed,
        "due": "12 мая",
        "url": f"{W}/cabinet/x",
    }
    groups = [{"name": name, "count": 12, "lines": [line], "more": 11} for name in ("overdue", "soon", "new")]
    digest = {"agency": AGENCY, "day": "12 мая", "groups": groups, "held": 2, "contact": "help@operator.test"}
    digest |= {"cabinet_url": f"{W}/cabinet/"}
    yield "digest", "agency_digest", digest
    groups = [{"name": kind, "count": 12, "url": f"{W}/cabinet/problems?tab=mine", "lines": [line], "more": 11}
              for kind in KINDS]  # fmt: skip
    addresses = {"cabinet_url": f"{W}/cabinet/", "account_url": f"{W}/cabinet/account#notices"}
    for kind in ("digest", *(kind for kind in KINDS if kind not in DATES)):
        day = date(2026, 12, 2)
        shown = i18n.format_date(language, day, today=day)  # without the year, in every year
        subject = i18n.text(language, f"notices.subject.{kind}", count=2, date=shown)
        yield f"notices {kind}", "notices", {"agency": AGENCY, "subject": subject, "groups": groups, **addresses}
    report = {"agency": AGENCY, "title": f"{i18n.text(language, 'report.heading')}: 2026", "lines": ["12", "34"]}
    own = f"{W}/cabinet/analytics/report"
    yield "report of a period", "period_report", {**report, "report_url": f"{own}?from=2026-11-01", "letters_url": own}
    values = {
        **cabinet,
        "title": "Автор дополнил сообщение",
        "text": typed,
        "note": i18n.text(language, "events.in_place"),
        "author": "Автор",
        "photos": 2,
        "due": "12 мая",
    }
    yield "agency event", "agency_event", values
