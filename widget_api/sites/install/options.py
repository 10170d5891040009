"""Parse the options of the installation page's generator, and generate the code to embed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import urlencode

from widget_api import i18n
from widget_api.i18n import LANGUAGES
from widget_api.sites import appearance, origins
from widget_api.sites.install.packages import PACKAGES
from widget_api.sites.model import Site
from widget_api.web import releases
from widget_api.web.releases import MAJOR_VERSION

THEMES = ("light", "dark", "contrast", "contrast-black", "contrast-blue")
VIEWS = ("button", "floating", "inline", "figures")
CORNERS = ("bottom-right", "bottom-left", "top-right", "top-left")  # of the floating button; the first is the default
STARTS = ("list", "map")  # what the button of an extended widget opens instead of the form
CONTACT_FIELDS = ("name", "phone", "email")
_COLOUR = re.compile("#[0-9a-fA-F]{6}")
_POINT = re.compile(r"\s*+(-?\d{1,2}(?:\.\d{1,10})?)(?:\s++[,;]?+|[,;])\s*+(-?\d{1,3}(?:\.\d{1,10})?)\s*+")
MAX_ADDRESS = 200  # characters of an address in the code
MAX_LABEL = 60  # characters of the button's text: longer ones take three lines on a phone
FRAME_HEIGHT = 640  # px; without the script that adapts it


def parse_colour(text: str | None) -> str | None:
    """A colour «#rrggbb» in lower case, or None."""
    return text.lower() if text and _COLOUR.fullmatch(text) else None


def parse_place(given: Mapping[str, str], site: Site) -> dict[str, str]:
    """A place that the form begins with: `point` («55.0794, 38.7783») or `lat` and `lng`, and `address`.

    A point outside the site's territory is left out: the form would refuse it.
    """
    found = _POINT.fullmatch(given.get("point") or f"{given.get('lat', '')},{given.get('lng', '')}")
    lat, lng = (float(found[1]), float(found[2])) if found else (91.0, 0.0)
    inside = abs(lat) <= 90 and abs(lng) <= 180 and site.covers(lat, lng)
    address = " ".join(given.get("address", "").split())[:MAX_ADDRESS]
    return ({"lat": found[1], "lng": found[2]} if found and inside else {}) | ({"address": address} if address else {})


def hideable_fields(site: Site) -> tuple[str, ...]:
    """The contact fields that a page may leave out of the form: a site may require the e-mail address."""
    return tuple(name for name in CONTACT_FIELDS if name != "email" or site.contact == "optional")


def parse_hidden(text: str, site: Site) -> tuple[str, ...]:
    """The fields that a list like «name, phone» hides, as the attribute `hide` takes it. Unknown names are ignored."""
    names = re.split(r"[\s,]+", text)
    return tuple(name for name in hideable_fields(site) if name in names)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The chosen options. Empty values are defaults, which the code omits."""

    type: str
    view: str = "button"
    corner: str = CORNERS[0]  # where view is "floating"
    start: str = ""  # of STARTS; without it the button opens the form
    label: str = ""  # the button's text, in place of the widget's
    hidden: tuple[str, ...] = ()  # contact fields left out of the form
    lang: str = ""
    theme: str = ""
    category: str = ""
    accent: str | None = None
    place: dict[str, str] = field(default_factory=dict)  # lat, lng, address: what the form begins with
    pinned: bool = False
    own_host: str = ""  # origin that serves dist/ itself

    @classmethod
    def read(cls, given: Mapping[str, str], site: Site) -> Options:
        """Parse a query string, ignoring unknown values. Only a release can be pinned, or copied to another host."""
        released = bool(releases.newest_release(MAJOR_VERSION))
        view, lang, theme = given.get("view", ""), given.get("language", ""), given.get("theme", "")
        kind = "basic" if given.get("type") == "basic" else site.type
        has_button = view not in ("inline", "figures")
        return cls(
            type=kind,
            view=view if view in VIEWS else "button",
            corner=given["corner"] if given.get("corner") in CORNERS and view == "floating" else CORNERS[0],
            start=given["start"] if given.get("start") in STARTS and has_button and kind == "extended" else "",
            label=" ".join(given.get("label", "").split())[:MAX_LABEL],
            hidden=tuple(name for name in hideable_fields(site) if given.get(f"hide_{name}") == "yes"),
            lang=lang if lang in LANGUAGES else "",
            theme=theme if theme in THEMES else "",
            category=given["category"] if site.category(given.get("category", "")) else "",
            accent=parse_colour(given.get("accent")) or parse_colour(site.accent),
            place=parse_place(given, site),
            pinned=given.get("version") == "pinned" and released,
            own_host=_parse_origin(given.get("host", "")) if released else "",
        )

    def to_query(self, site: Site) -> str:
        """The query string that `read` parses into the same options, without defaults."""
        chosen = {
            "type": "" if self.type == site.type else self.type,
            "view": "" if self.view == "button" else self.view,
            "corner": "" if self.corner == CORNERS[0] else self.corner,
            "start": self.start,
            "label": self.label,
            "language": self.lang,
            "theme": self.theme,
            "category": self.category,
            "accent": "" if self.accent == parse_colour(site.accent) else self.accent or "",
            "point": ", ".join(self.place[name] for name in ("lat", "lng") if name in self.place),
            "address": self.place.get("address", ""),
            "version": "pinned" if self.pinned else "",
            "host": self.own_host,
        } | {f"hide_{name}": "yes" for name in self.hidden}
        return urlencode({name: value for name, value in chosen.items() if value})

    @property
    def version(self) -> str:
        """The version in the loader's address. A self-hosted copy is always of one release."""
        return releases.newest_release(MAJOR_VERSION) if self.pinned or self.own_host else MAJOR_VERSION


def _parse_origin(text: str) -> str:
    try:
        return origins.normalise_origin(text.strip()) if text.strip() else ""
    except origins.InvalidOrigin:
        return ""


@dataclass(frozen=True, kw_only=True)
class EmbedCode:
    """Everything that a webmaster copies, as text to be escaped."""

    snippet: str
    div: str
    frame: str
    link: str
    rule: str  # style sheet of the host
    policy: str  # Content-Security-Policy, the script's part
    frame_policy: str
    preview: Mapping[str, str]  # attributes of the widget on our own page
    frame_address: str
    link_address: str


def make_code(site: Site, options: Options, public_url: str, link_text: str) -> EmbedCode:
    """Generate the three ways of embedding `site`, with the rules that each needs on the host page."""
    page = f"{public_url}/s/{site.key}"
    known = ({"category": options.category} if options.category else {}) | options.place
    link = page if options.start else f"{page}/report" + ("?" + urlencode(known) if known else "")
    attributes = _widget_attributes(site, options, public_url, link_text)
    frame_address = f"{page}/embed{_frame_query(site, options)}"
    # A directive that the policy lacks replaces default-src: without 'self' it would block the site's own files.
    own = f"'self' {public_url}"
    scripts = "'self'" if options.own_host else own
    inner = f'  <a href="{escape(link)}">{escape(link_text)}</a>\n'
    loader = _script_tag(options, public_url, "loader.js")
    div = {f"data-{name.removeprefix('data-')}": value for name, value in attributes.items() if name != "site-key"}
    return EmbedCode(
        snippet=f"<igrajdanin-widget{_render_attributes(attributes)}>\n{inner}</igrajdanin-widget>\n{loader}",
        div=f"<div{_render_attributes({'data-igrajdanin-widget': site.key} | div)}>\n{inner}</div>\n{loader}",
        frame=(
            f'<iframe src="{escape(frame_address)}" title="{escape(link_text)}"\n'
            '        allow="geolocation; clipboard-write; web-share" loading="lazy"\n'
            f'        width="640" height="{FRAME_HEIGHT}" style="width: 100%; border: 0"></iframe>\n'
            f"{_script_tag(options, public_url, 'frame.js')}"
        ),
        link=f'<a href="{escape(link)}">{escape(link_text)}</a>',
        rule=_style_rule(options),
        policy=f"script-src {scripts}; connect-src {own}; img-src {own} blob:",
        frame_policy=f"frame-src {own}; script-src {scripts}",
        preview=attributes,
        frame_address=frame_address,
        link_address=link,
    )


def generator_values(site: Site, given: Mapping[str, str], language: str, public_url: str) -> dict[str, Any]:
    """What the page of the generator shows for the choices of a query string."""
    chosen = Options.read(given, site)
    purpose = "install.start_label" if chosen.start else "sites.snippet_link"
    words = chosen.label or i18n.text(chosen.lang or site.language, purpose)
    newest = releases.newest_release(MAJOR_VERSION)
    return {
        "chosen": chosen,
        "given": {name: given.get(name, "")[:200] for name in ("accent", "host", "point")},
        "wrong_point": bool(given.get("point", "").strip()) and "lat" not in chosen.place,
        "wrong_accent": bool(given.get("accent")) and parse_colour(given["accent"]) is None,
        "wrong_host": bool(given.get("host", "").strip()) and not chosen.own_host,
        "code": make_code(site, chosen, public_url, words),
        "words": words,
        "categories": [(one.code, i18n.category_name(language, one.code, one.name)) for one in site.categories],
        "contrast": _contrast_values(chosen.accent),
        "newest": newest,
        "build": releases.served_build(MAJOR_VERSION),
        "integrity": releases.integrity_hash(newest, "loader.js") if newest else "",
        "themes_offered": THEMES,
        "starts_offered": STARTS,
        "corners_offered": CORNERS,
        "hideable": hideable_fields(site),
        "packages": {package.name: package.file_name for package in PACKAGES},
    }


def _contrast_values(accent: str | None) -> dict[str, Any] | None:
    """The contrast of text on the button."""
    if accent is None:
        return None
    ink = appearance.choose_ink(accent)
    ratio = appearance.contrast_ratio(ink, accent)
    readable = ratio >= appearance.MIN_CONTRAST
    kind = "bad" if not readable else "good" if ink == appearance.BUTTON_INK else "dark"
    return {"kind": kind, "ratio": int(ratio * 10) / 10, "ink": ink}


def _widget_attributes(site: Site, options: Options, public_url: str, link_text: str) -> dict[str, str]:
    chosen = {
        "type": options.type,
        "view": "" if options.view == "button" else options.view,
        "corner": "" if options.corner == CORNERS[0] else options.corner,
        "label": link_text if options.start else options.label,  # the widget's own text names the form
        "lang": options.lang,
        "theme": options.theme,
        "category": options.category,
        "hide": " ".join(options.hidden),
        "data-start": options.start,
    }
    if options.own_host and releases.names_service_by_element(options.version):
        chosen["api"] = public_url
    named = {"site-key": site.key} | {name: value for name, value in chosen.items() if value}
    return named | {f"data-{name}": value for name, value in options.place.items()}


def _frame_query(site: Site, options: Options) -> str:
    chosen = {
        "type": "" if options.type == site.type else options.type,
        "view": options.view if options.view == "figures" else "",  # a frame holds everything or the figures
        "lang": options.lang,
        "theme": options.theme,
        "category": options.category,
        "hide": " ".join(options.hidden),
        "accent": "" if options.accent == parse_colour(site.accent) else options.accent or "",
    }
    given = {name: value for name, value in chosen.items() if value} | options.place
    return "?" + urlencode(given) if given else ""


def _script_tag(options: Options, public_url: str, name: str) -> str:
    address = f"{options.own_host}/igrajdanin" if options.own_host else f"{public_url}/w"
    more = {"async": None, "src": f"{address}/{options.version}/{name}"}
    if options.pinned or options.own_host:  # of a foreign host only our own release runs, whoever named it in a link
        more |= {"integrity": releases.integrity_hash(options.version, name), "crossorigin": None}
    if options.own_host:
        more |= {"data-api": public_url}
    return f"<script{_render_attributes(more)}></script>"


def _style_rule(options: Options) -> str:
    """The style rule that reserves the button's height, to avoid a layout shift, and sets its colour.

    A floating button takes no room in the page.
    """
    height = "" if options.view == "floating" else " min-height: 44px;"
    accent = ""
    if options.accent:
        ink = appearance.choose_ink(options.accent)
        accent = f" --igw-accent: {options.accent};" + (
            f" --igw-accent-ink: {ink};" if ink != appearance.BUTTON_INK else ""
        )
    return (
        f"igrajdanin-widget {{ display: block;{height}{accent} }}\n"
        f"[data-igrajdanin-widget] {{ display: block;{height} }}"
    )


def _render_attributes(attributes: Mapping[str, str | None]) -> str:
    return "".join(f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attributes.items())
