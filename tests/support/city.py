"""The service as seen by one browser page: the real configuration and code, with made-up answers at a fixed time.

The appearance of a widget state must not depend on the date or on other tests, so the clock is fixed and the answers
are written here. `answers` overrides one of them: (status, body), LOST, or DELAYED until `release` is called.
"""

import io
import json
import re
import urllib.request
from typing import Any

from playwright.sync_api import Page, Route

from tests.support.maps import INSIDE, ZOOM, draw_tiles
from tests.support.pictures import halves, photo
from tests.support.tiles import BBOX, CENTER
from tests.support.widget import AGENCY, ANY_ORIGIN, TEXT, UTILITY, WidgetSite

NOW = "2026-11-24T12:00:00+03:00"
LOST, DELAYED = "lost", "held"
NOTICE = [["Прорыв трубы или запах газа — звоните ", None], ["112", "tel:112"]]
LONG = "Не убирают снег во дворе с понедельника, машины скорой помощи не могут подъехать к подъездам\nСвязной, 3"
QUESTIONS = [
    ("lane", "string", "Где именно на дороге", False, "Полоса, обочина, переход"),
    ("size", "number", "Глубина ямы, см", True, "Примерно"),
    ("seen", "datetime", "Когда заметили", False, None),
    ("more", "text", "Что ещё важно знать дорожникам", False, None),
    ("danger", "singlevaluelist", "Мешает ли проехать", True, None),
    ("surface", "singlevaluelist", "Покрытие", False, None),
    ("around", "multivaluelist", "Что рядом", False, "Отметьте всё, что подходит"),
]
VALUES = {
    "danger": ["Да, объезжают по встречной", "Нет"],
    "surface": ["Асфальт", "Плитка", "Бетон", "Щебень", "Грунт", "Брусчатка", "Другое"],
    "around": ["Школа", "Остановка", "Больница"],
}


def questions() -> list[dict[str, Any]]:
    """One question of each Open311 datatype."""
    return [
        {"code": code, "datatype": kind, "description": text, "required": required, "hint": hint, "order": order}
        | {"values": [{"key": str(key), "name": name} for key, name in enumerate(VALUES.get(code, []))]}
        for order, (code, kind, text, required, hint) in enumerate(QUESTIONS)
    ]


def picture() -> bytes:
    return photo(halves(96, 96))


def problem(widget_site: WidgetSite, number: int, text: str, status: str, **more: Any) -> dict[str, Any]:
    address = f"{widget_site.service.url}/photos/made-up-{number}"
    shot = {"url": f"{address}.jpg", "thumb": f"{address}.thumb.jpg", "width": 960, "height": 720}
    return {
        "number": number,
        "category": "roads",
        "description": text,
        "address": "улица Мира, 5",
        "location": {"lat": CENTER[0], "lng": CENTER[1]},
        "status": status,
        "created_at": "2026-11-20T09:00:00Z",
        "updated_at": "2026-11-21T09:00:00Z",
        "answer_due": "2026-12-04",
        "overdue": False,
        "photos": [shot | {"alt": "Яма шириной в метр"}] if more.pop("shot", False) else [],
        "supporters": 3,
        "has_answer": False,
        "source": "widget",
    } | more


def _with_fixed_date(track: str) -> str:
    """With a fixed date an answer is due by; at the end of December the real one has a year."""
    russian = re.sub(r"\d+\s[а-я]{3,}(\s20\d\d)?", "4 декабря", track)
    return re.sub(r"\d+\s[A-Z][a-z]+(\s20\d\d)?", "4 December", russian)


class FakeCity:
    """Fake answers for one page; create it before the page is opened."""

    def __init__(self, page: Page, widget_site: WidgetSite, zoom: int = ZOOM) -> None:
        self._page, self._widget_site, self._zoom = page, widget_site, zoom
        self.answers: dict[str, Any] = {}
        self._delayed: list[Route] = []
        self._configs: dict[str, Any] = {}
        self.problems = [
            problem(widget_site, 1204, TEXT, "in_progress", overdue=True, shot=True),
            problem(widget_site, 1203, LONG, "accepted", address=None),
            problem(widget_site, 1187, "Не горит фонарь", "resolved", has_answer=True),
        ]
        page.clock.set_fixed_time(NOW)
        draw_tiles(page)
        page.route(re.compile(re.escape(widget_site.api)), self._answer)
        page.route(re.compile("/photos/made-up"), self.draw)

    @staticmethod
    def draw(route: Route) -> None:
        """Answer with a picture."""
        route.fulfill(body=picture(), content_type="image/jpeg")

    @property
    def delayed_count(self) -> int:
        """The number of requests that wait for their answer."""
        return len(self._delayed)

    def release(self) -> None:
        """Answer all delayed requests now; aborted ones get no answer."""
        self.answers = {name: given for name, given in self.answers.items() if given != DELAYED}
        held, self._delayed = self._delayed, []
        for route in held:
            self._answer(route)

    def _answer(self, route: Route) -> None:
        path = route.request.url.removeprefix(self._widget_site.api)
        name = f"{route.request.method} {re.sub(r'[?].*', '', path)}"
        given = self.answers.get(name)
        if given == DELAYED:
            self._delayed.append(route)
        elif given == LOST:
            route.abort()
        elif given:
            status, body = given
            route.fulfill(status=status, json=body, headers=ANY_ORIGIN)
        else:
            status, body = self._usual(name, path)
            route.fulfill(status=status, json=body, headers=ANY_ORIGIN)

    def _usual(self, name: str, path: str) -> tuple[int, Any]:
        if name.startswith("OPTIONS"):
            return 204, None
        if name == "GET ":
            return 200, self._config(path)
        if name == "GET /challenge":
            return 200, {}  # as with WIDGET_CHALLENGE=off: the proof of work is covered by other tests
        if name == "GET /place":
            return 200, INSIDE
        if name in ("GET /similar", "GET /addresses"):
            return 200, {"items": []}
        if name == "GET /problems":
            return 200, {"items": self.problems, "next": None}
        if name == "GET /stats":
            return 200, self.stats()
        if name == "GET /clusters":
            return 200, self.clusters()
        if name.endswith("/comments") and name.startswith("GET"):
            return 200, self.comments()
        if name.endswith(("/comments", "/follow")):
            return 202, {}
        if name.startswith("GET /problems/"):
            return 200, self.detail(int(path.rpartition("/")[2]))
        if name == "POST /photos":
            token = f"token-{len(self._delayed)}"
            return 201, {
                "photo": token,
                "thumb": f"{self._widget_site.service.url}/photos/made-up.jpg",
                "location": None,
            }
        if name == "POST /problems":
            return 201, self.receipt()
        return 200, {"supporters": 4}

    def _config(self, path: str) -> Any:
        if path not in self._configs:
            with urllib.request.urlopen(self._widget_site.api + path, timeout=20) as answer:
                body = json.load(io.BytesIO(answer.read()))
            town = {"center": CENTER, "zoom": self._zoom, "bbox": BBOX, "max_zoom": 19}
            tiles = self._widget_site.service.url + "/tiles/{z}/{x}/{y}"
            body["map"] = town | {"tiles": tiles, "attribution": "© Участники OpenStreetMap"}
            body["categories"][0] |= {"notice_parts": NOTICE, "questions": questions(), "answer_due": "2026-12-04"}
            for category in body["categories"]:
                category["track"] = _with_fixed_date(category["track"])
            body["track"]["text"] = _with_fixed_date(body["track"]["text"])
            self._configs[path] = body
        return self._configs[path]

    def clusters(self) -> dict[str, Any]:
        """One overdue problem, three in one place, and a large cluster, from west to east."""
        lat, lng = CENTER
        spot = [lng, lat, lng, lat]
        late = {
            "count": 1,
            "number": 1204,
            "title": TEXT,
            "status": "in_progress",
            "overdue": True,
            "category": "roads",
        }
        three = {"count": 3, "bbox": spot, "statuses": {"accepted": 1, "in_progress": 1, "resolved": 1}}
        many = {
            "count": 1207,
            "bbox": [lng + 0.002, lat, lng + 0.004, lat],
            "statuses": {"planned": 7, "answered": 1200},
        }
        # So near that they would cover each other.
        marks = zip((-0.0004, 0, 0.0004), (late, three, many), strict=True)
        features = [
            {"type": "Feature", "geometry": {"type": "Point", "coordinates": [lng + east, lat]}, "properties": found}
            for east, found in marks
        ]
        return {"type": "FeatureCollection", "features": features, "total": 1211, "partial": False}

    def stats(self, **more: Any) -> dict[str, Any]:
        """A year of a small town."""
        received = (61, 58, 74, 102, 138, 96, 71, 64, 80, 93, 127, 148)
        months = [f"{2025 + (month > 12)}-{(month - 1) % 12 + 1:02}" for month in range(12, 24)]
        kinds = [("roads", "Дороги и тротуары", 412, 61, 318), ("yards", "Дворы и благоустройство", 233, 40, 171)]
        kinds += [("garbage", "Мусор и свалки", 198, 12, 166), ("lighting", "Уличное освещение", 121, 9, 108)]
        usual = {
            "total": 1112,
            "open": 168,
            "resolved": 763,
            "overdue": 14,
            "by_status": {"accepted": 51, "in_progress": 117, "resolved": 763, "answered": 181},
            "by_category": [
                dict(zip(("code", "name", "total", "open", "resolved"), kind, strict=True)) for kind in kinds
            ],
            "by_month": [
                {"month": month, "received": count, "answered": round(count * 0.87)}
                for month, count in zip(months, received, strict=True)
            ],
            "median_days": 6,
            "share_resolved": 0.69,
        }
        return usual | more

    def receipt(self, **more: Any) -> dict[str, Any]:
        """The receipt of a report without an e-mail address: it has a code."""
        times = {"received_at": NOW, "answer_due": "2026-12-04"}
        usual = {"number": 1205, "status": "moderation", "track_url": None, "code": "K7QX2MZ9"}
        return usual | times | more

    def detail(self, number: int) -> dict[str, Any]:
        found = next(one for one in self.problems if one["number"] == number)
        answer_text = "Яму засыпали щебнем, асфальт положим до 1 декабря.\nСпасибо, что сообщили."
        steps = [
            ("received", None, None, "resident"),
            ("status", "accepted", None, "operator"),
            ("status", "in_progress", "Передали бригаде", "agent"),
        ]
        timeline: list[dict[str, Any]] = [
            {"at": f"2026-11-2{day}T09:00:00Z", "kind": kind, "status": status, "label": status or kind}
            | {"text": text, "actor": actor, "photos": [], "documents": []}
            for day, (kind, status, text, actor) in enumerate(steps)
        ]
        files = f"{self._widget_site.service.url}/documents/made-up"
        mended = problem(self._widget_site, number, "", "resolved", shot=True)["photos"][0] | {"alt": "Ровный асфальт"}
        answer = {
            "text": answer_text,
            "at": "2026-11-23T09:00:00Z",
            "agency": AGENCY,
            "photos": [mended | {"url": mended["url"].replace("made-up", "made-up-after")}],
            "documents": [
                {"name": "Акт осмотра.pdf", "url": files + "/1", "bytes": 1_240_000, "type": "application/pdf"}
            ],
        }
        return found | {
            "timeline": timeline,
            "answer": answer,
            "answered_at": answer["at"],
            "kept": True,
            "expected_on": None,
            "responsible": "МУП «Дорсервис»",
            "duplicate_of": None,
            "discussion": "moderated",
            "comments": 2,
            "url": f"{self._widget_site.service.url}/s/{self._widget_site.key}/problems/{number}",
        }

    def comments(self, **more: Any) -> dict[str, Any]:
        comments = [("Сосед", "И у соседнего дома такая же яма.", False), (AGENCY, "Проверим и соседний двор.", True)]
        items = [
            {"name": name, "text": text, "at": "2026-11-22T09:00:00Z", "official": official}
            | {"agency": AGENCY if official else None}
            for name, text, official in comments
        ]
        return {"items": items, "next": None} | more

    def outside(self) -> dict[str, Any]:
        detail = "Это место вне территории города. За него отвечает другая администрация."
        other = {"name": UTILITY, "agency": UTILITY, "url": self._widget_site.service.url}
        return {"inside": False, "detail": detail, "other": other}

    def near(self) -> dict[str, Any]:
        return {"items": [problem(self._widget_site, 1198, "Яма у перехода", "accepted", shot=True) | {"distance": 40}]}
