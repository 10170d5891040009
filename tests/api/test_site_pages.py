"""The public pages of a site show published data and nothing else; only the embed page may be framed."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from html import unescape

import pytest
import time_machine
from selectolax.lexbor import LexborHTMLParser

from tests.api.test_answer_files import jpeg
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, EMAIL, PUBLIC_URL, RESIDENT, existing, make_site, submit_report
from tests.support.exchange import accept_report as publish
from widget_api.attachments.photos import service as photos
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact, Photo
from widget_api.residents import application
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does


async def test_an_empty_site_explains_how_to_begin_in_the_visitors_language(client: Client, site: Site) -> None:
    page = await client.get(f"/s/{site.key}")
    assert page.status_code == 200
    assert "Вы можете отправить первое" in page.text
    assert f'href="/s/{site.key}/report"' in page.text
    english = await client.get(f"/s/{site.key}", headers={"Accept-Language": "en-GB,ru;q=0.5"})
    assert '<html lang="en">' in english.text
    refused = await client.get(f"/s/{site.key}", headers={"Accept-Language": "en;q=0, ru;q=0.001"})
    assert '<html lang="ru">' in refused.text
    assert '<html lang="ru">' in (await client.get(f"/s/{site.key}")).text
    await client.get(f"/s/{site.key}?lang=en")
    assert '<html lang="en">' in (await client.get(f"/s/{site.key}")).text


async def test_only_published_problems_are_listed_and_have_a_page(client: Client, context: Context, site: Site) -> None:
    await submit_report(context.database, site, description="Ещё на модерации")
    await publish(context, site, description="Яма <b>у школы</b>\nи ещё текст")
    page = (await client.get(f"/s/{site.key}")).text
    assert "Ещё на модерации" not in page
    assert "Яма &lt;b&gt;у школы&lt;/b&gt;</a>" in page
    assert "Принято" in page
    assert (await client.get(f"/s/{site.key}/problems/1")).status_code == 404


async def test_the_list_is_paged(client: Client, context: Context, site: Site) -> None:
    for index in range(21):
        await publish(context, site, description=f"Проблема номер {index}.")
    first = (await client.get(f"/s/{site.key}")).text
    assert "Проблема номер 0." not in first
    (older,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = (await client.get(older)).text
    assert "Проблема номер 0." in second
    assert (await client.get(f"/s/{site.key}?cursor=wrong")).status_code == 400


async def test_every_page_links_to_the_previous_one(client: Client, context: Context, site: Site) -> None:
    """All in one second, so that only the number orders them."""
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        for index in range(45):
            await publish(context, site, description=f"Проблема номер {index}.")
    for query in ("", "?sort=due&status=new"):
        address, newer, seen = f"/s/{site.key}{query}", "", list[tuple[str, list[str]]]()
        while True:
            page = (await client.get(address)).text
            seen.append((address, re.findall(r"Проблема номер \d+", page)))
            older = re.findall(r'rel="next" href="([^"#]+)', page)
            if not older:
                break
            address = unescape(older[0])
        assert [len(names) for _, names in seen] == [20, 20, 5], query
        for before, names in reversed(seen[:-1]):
            (newer,) = re.findall(r'rel="prev" href="([^"#]+)', page)
            assert ('rel="first"' in page) == (before != seen[0][0])
            page = (await client.get(unescape(newer))).text
            assert re.findall(r"Проблема номер \d+", page) == names
        assert unescape(newer) == seen[0][0]
        assert 'rel="prev"' not in page


async def test_the_page_begins_with_map_and_figures_and_folds_the_rest(
    client: Client, context: Context, site: Site
) -> None:
    await publish(context, site)
    page = (await client.get(f"/s/{site.key}")).text
    places = [
        page.index(one) for one in ('id="map"', 'class="first-figures"', 'id="list"', '<details class="fold figures"')
    ]
    assert places == sorted(places)
    assert places[-1] < page.index('class="tiles"') < page.index('class="counts"') < page.index('id="charts"')
    filtered = (await client.get(f"/s/{site.key}?q=яма")).text
    assert 'id="map"' not in filtered
    assert "first-figures" not in filtered


async def test_a_mark_of_the_map_leads_to_what_it_counts(client: Client, context: Context, site: Site) -> None:
    """Several to the list of their place, whose map shows them closer; one to its page. All are counted."""
    at_school = [(55.0901 + step / 10_000, 38.7601) for step in range(3)]
    for lat, lng in (*at_school, (55.0701, 38.7901)):
        await publish(context, site, lat=lat, lng=lng)
    page = (await client.get(f"/s/{site.key}")).text
    (svg,) = re.findall(r'<svg class="marks".*?</ul>', page, re.DOTALL)
    marks = [(unescape(href), name) for href, name in re.findall(r'<a href="([^"]+)" aria-label="([^"]+)"', svg)]
    (group, said), (alone, name) = sorted(marks, key=lambda mark: "bbox" not in mark[0])
    assert 'aria-label="Карта города: 4 сообщения"' in svg
    assert said == "3 сообщения: новые — 3"
    assert alone == f"/s/{site.key}/problems/4"
    assert name == "Дороги и тротуары, принято: Глубокая яма на пешеходном переходе у школы"
    closer = (await client.get(group.partition("#")[0])).text
    assert {*re.findall(r'href="/s/\S+/problems/(\d+)"', closer)} == {"1", "2", "3"}
    assert 'aria-label="Карта города: 3 сообщения"' in closer
    assert f'<a class="button" href="/s/{site.key}">Весь город</a>' in closer


async def test_solved_reports_with_two_pictures_are_pairs(client: Client, context: Context, site: Site) -> None:
    """The three newest; none that lacks a picture, came back or was erased."""

    async def picture() -> tuple[Photo, ...]:
        return (Photo((await photos.receive(context, site.id, jpeg(), sender="x")).id),)

    ids = list[str]()
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        for number in range(1, 8):
            shown = () if number == 1 else await picture()
            ids.append(await publish(context, site, description=f"Яма номер {number}.", photos=shown))
    for day, problem_id in enumerate(ids, 2):
        with time_machine.travel(f"2026-06-{day:02}T09:00:00Z", tick=False):
            answer = Change(to="resolved", text="Засыпали", photos=() if day == 3 else await picture())
            await lifecycle.change(context.database, AGENT, site.id, problem_id, answer)
    with time_machine.travel("2026-06-09T09:00:00Z", tick=False):
        await lifecycle.change(context.database, RESIDENT, site.id, ids[5], Change(to="reopened", text="Снова яма"))
        await lifecycle.erase(context.database, RESIDENT, site.id, ids[6])
    page = (await client.get(f"/s/{site.key}")).text
    (pairs,) = re.findall(r'<ul class="pairs">.*?</ul>', page, re.DOTALL)
    assert re.findall(r">(Яма номер \d)\.", pairs) == ["Яма номер 5", "Яма номер 4", "Яма номер 3"]
    assert re.findall(r"Решено за (\d+)", pairs) == ["5", "4", "3"]
    assert len(re.findall(r'<img src="[^"]+\.thumb\.jpg" alt="(?:Было|Стало)"', pairs)) == 6
    assert 'class="pairs"' not in (await client.get(f"/s/{site.key}?status=done")).text


async def test_a_problem_has_its_page(client: Client, context: Context, site: Site) -> None:
    contact = Contact(email=EMAIL, name="Анна Иванова", phone="+7 912 345-67-89")
    problem_id = await publish(context, site, contact=contact)
    await lifecycle.change(
        context.database, AGENT, site.id, problem_id, Change(to="resolved", text="Яму заделали <script>")
    )
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    assert "Официальный ответ" in page
    assert "Яму заделали &lt;script&gt;" in page
    for private in (EMAIL, "Анна", "345-67", "/t/"):
        assert private not in page
    english = LexborHTMLParser((await client.get(f"/s/{site.key}/problems/1?lang=en")).text)
    assert english.css("html")[0].attributes["lang"] == "en"
    words = [*english.css(".prose"), *(one for one in english.css(".facts span") if "Октябрьской" in one.text())]
    assert len(words) > 2
    assert {one.attributes.get("lang") for one in words} == {"ru"}
    for number in ("0", "2", "x", "-1", "²", "1e3", "9" * 40):
        missing = await client.get(f"/s/{site.key}/problems/{number}?lang=ru")
        assert (missing.status_code, "Такого сообщения нет" in missing.text) == (404, True), number


async def test_only_the_embed_page_may_be_framed_and_by_the_sites_origins(client: Client, context: Context) -> None:
    site = await make_site(context.database, allowed_origins=["https://gorod.test", "https://www.gorod.test:8443"])
    embed = await client.get(f"/s/{site.key}/embed")
    policy = embed.headers["content-security-policy"]
    assert "frame-ancestors https://gorod.test https://www.gorod.test:8443" in policy
    assert "script-src 'self'" in policy
    assert f'<igrajdanin-widget site-key="{site.key}"' in embed.text
    for address in (f"/s/{site.key}", f"/s/{site.key}/report", "/track"):
        assert "frame-ancestors 'none'" in (await client.get(address)).headers["content-security-policy"]


async def test_the_page_shows_statistics_and_both_tables(client: Client, context: Context, site: Site) -> None:
    done = await publish(context, site, category="snow")
    await publish(context, site, category="roads")
    await lifecycle.change(context.database, AGENT, site.id, done, Change(to="resolved", text="Убрали"))
    page = (await client.get(f"/s/{site.key}")).text
    for shown in ("Открыто", "Решено", "50 %", "0 дней", "По месяцам", "По категориям", "Снег и наледь"):
        assert shown in page
    assert page.count('<svg class="columns') == 2


@ONE_DATABASE
async def test_the_filter_form_is_reflected_in_the_url(client: Client, context: Context, site: Site) -> None:
    await publish(context, site, description="Яма", category="roads")
    second = await publish(context, site, description="Сугробы во дворе", category="snow")
    await lifecycle.change(context.database, AGENT, site.id, second, Change(to="resolved", text="Убрали"))
    for query, found in (
        ("", {1, 2}),
        ("q=сугроб", {2}),
        ("status=new", {1}),
        ("status=new&status=done", {1, 2}),
        ("status=working", set()),
        ("category=snow&sort=due&since=&until=&overdue=", set()),
        ("category=snow&sort=", {2}),
        ("since=2020-01-01&until=2020-12-31", set()),
        ("overdue=true", set()),
        ("category=snow&utm_source=mail&yclid=1", {2}),
    ):
        answer = await client.get(f"/s/{site.key}?{query}")
        assert answer.status_code == 200, query
        numbers = re.findall(rf'href="/s/{site.key}/problems/(\d+)"', answer.text)
        assert {int(number) for number in numbers} == found
        narrowed = any(part and not part.endswith("=") for part in query.split("&"))
        assert ('name="robots" content="noindex, follow"' in answer.text) is narrowed
        assert "utm_source" not in answer.text.replace(f"?{query}", "")
        if not found:
            assert "Таких сообщений нет" in answer.text


@ONE_DATABASE
async def test_filters_are_expanded_where_they_are_active_and_named_where_invalid(
    client: Client, context: Context, site: Site
) -> None:
    await publish(context, site)
    for query, unfolded in (
        ("", False),
        ("q=яма", False),
        ("q=яма&status=new", True),
        ("until=2020-01-01", True),
        ("sort=due", True),
    ):
        page = (await client.get(f"/s/{site.key}?{query}")).text
        assert ('<details class="fold" open>' in page) is unfolded, query
    page = (await client.get(f"/s/{site.key}?status=new&q=яма")).text
    assert 'href="?status=new&amp;q=%D1%8F%D0%BC%D0%B0&amp;lang=en"' in page, "another language keeps the filter"
    for query in ("status=open", "bbox=1", "sort=size", "overdue=maybe", "q=" + "я" * 300):
        answer = await client.get(f"/s/{site.key}?{query}")
        assert answer.status_code == 400, query
        assert f"«{query.partition('=')[0]}»" in answer.text


@ONE_DATABASE
async def test_the_title_contains_the_result_count(client: Client, context: Context, site: Site) -> None:
    """After a form is sent, the title is what a screen reader announces first."""
    for text in ("Яма", "Яма у школы", "Сугроб"):
        await publish(context, site, description=text)
    for query, expected in (
        ("q=яма", "Нашлось 2 сообщения"),
        ("q=сугроб", "Нашлось 1 сообщение"),
        ("q=фонарь", "Ничего не нашлось"),
        ("q=яма&limit=1", "Показано 1 сообщение, есть ещё"),
        ("", ""),
        ("q=сугроб&lang=en", "1 report found"),  # the language is kept from then on
    ):
        page = (await client.get(f"/s/{site.key}?{query}")).text
        title = "Problems of the city" if "lang=en" in query else "Проблемы города"
        assert f"<title>{expected}{'. ' if expected else ''}{title} — " in page, query
        if expected and expected != "Ничего не нашлось":  # which the page shows in full
            assert f'<p class="muted">{expected}</p>' in page
        if "limit=1" in query:
            further = await client.get(unescape(re.findall(r'rel="next" href="([^"#]+)', page)[0]))
            assert f"<title>Следующие сообщения. {title} — " in further.text


@ONE_DATABASE
async def test_the_form_keeps_a_status_and_a_map_area(client: Client, context: Context, site: Site) -> None:
    """Sent again with an added word, it keeps them."""
    await publish(context, site)
    area = "38.5,54.9,38.7,55.3"
    for status, checked in (
        ("answered", {"answered": "Статус «Дан ответ»"}),
        ("forwarded", {"forwarded": "Статус «Передано исполнителю»"}),
        ("planned,resolved", {"planned": "Статус «Запланировано»", "resolved": "Статус «Решено»"}),
        ("accepted,answered", {"new": "Новые", "answered": "Статус «Дан ответ»"}),
        ("done,resolved", {"done": "Решённые"}),
        ("", {}),
    ):
        page = (await client.get(f"/s/{site.key}?status={status}&bbox={area}")).text
        found = re.findall(r'<input type="checkbox" name="(\w+)" value="([^"]+)" checked>([^<]+)', page)
        assert {value: name for field, value, name in found if field == "status"} == checked, status
        assert [(value, name) for field, value, name in found if field == "bbox"] == [
            (area, "Только выбранный участок карты")
        ]
        assert 'name="bbox"' not in (await client.get(f"/s/{site.key}?status={status}")).text


LATE, EARLY = "2026-06-02", "2026-06-01"
REVERSED = "Дата «по» раньше даты «с». Исправьте одну из них."
NO_SINCE = "Дату «Получены с» не удалось прочитать. Укажите день, месяц и год."
NO_UNTIL = "Дату «по» не удалось прочитать. Укажите день, месяц и год."


@ONE_DATABASE
@pytest.mark.parametrize("published", [True, False])
async def test_invalid_dates_are_reported_in_the_form_and_kept(
    client: Client, context: Context, site: Site, published: bool
) -> None:
    if published:
        await publish(context, site, description="Яма у школы", category="roads")
    for since, until, errors in (
        (LATE, EARLY, {"until": REVERSED}),
        ("12026-06-01", "", {"since": NO_SINCE}),
        ("", "9999-12-31", {"until": NO_UNTIL}),
        ("01.06.2026", "30.06.2026", {"since": NO_SINCE, "until": NO_UNTIL}),
    ):
        query = f"q=яма&status=answered&category=roads&sort=due&since={since}&until={until}"
        answer = await client.get(f"/s/{site.key}?{query}")
        page = answer.text
        assert answer.status_code == 400, since
        assert "<title>Ошибка: " in page
        found = re.findall(
            r'role="alert">\s*<p class="field-error" id="field-filter-(\w+)-error">.*?</span>([^<]+)</span>', page
        )
        assert dict(found) == errors
        for name, value in (("since", since), ("until", until)):
            (more,) = re.findall(rf'<input type="date" id="filter-{name}" name="{name}" value="{value}"([^>]*)>', page)
            assert (f'aria-describedby="field-filter-{name}-error " aria-invalid="true"' in more) is (name in errors)
        for kept in ('value="яма"', 'value="answered" checked', 'value="roads" selected', 'value="due" selected'):
            assert kept in page
        # Neither an empty result nor files for an invalid filter.
        for never in ("Таких сообщений нет", "Яма у школы", "Параметр «", "problems.csv?", "Здесь появятся"):
            assert never not in page
        (other_language,) = re.findall(r'<a href="([^"]+)" lang="en"', page)
        assert (await client.get(f"/s/{site.key}{unescape(other_language)}")).status_code == 400
        client.cookies.clear()  # or it is kept from then on


async def test_files_and_feed_of_a_page_have_its_language(client: Client, context: Context, site: Site) -> None:
    """Requested without a browser's headers, as by a feed reader or a spreadsheet."""
    await publish(context, site, category="snow")
    ending = r'href="(/[^"]+(?:feed\.atom|problems\.csv|\.geojson)[^"]*)"'
    for path, many in (("", 3 + 4), ("?status=new", 3 + 4), ("/problems/1", 3)):
        for language, name in (("ru", "Снег и наледь"), ("en", "Snow and ice")):
            page = await client.get(f"/s/{site.key}{path}", headers={"Accept-Language": language})
            links = [unescape(link) for link in re.findall(ending, page.text)]
            assert len(links) == many
            for link in links:
                answer = await client.get(link)
                assert answer.headers["Content-Language"] == language, link
                assert name in answer.text, link
                assert ("status=new" in link) is ("status" in path)
    own = await make_site(context.database, language="en")
    await publish(context, own)
    text = (await client.get(f"/s/{own.key}", headers={"Accept-Language": "ru"})).text
    assert "problems.csv?lang=ru&amp;separator=semicolon" in text
    assert "feed.atom?lang" not in (await client.get(f"/s/{own.key}")).text


async def test_pages_have_metadata_for_search_and_previews(client: Client, context: Context, site: Site) -> None:
    await publish(context, site, description='Яма </script><script>alert(1)</script> "x"\nвторая строка')
    home, problem = f"{PUBLIC_URL}/s/{site.key}", f"{PUBLIC_URL}/s/{site.key}/problems/1"
    page = (await client.get(f"/s/{site.key}")).text
    assert f'<link rel="canonical" href="{home}">' in page
    assert f'hreflang="en" href="{home}?lang=en"' in page
    assert f'type="application/atom+xml" title="Изменения сообщений" href="/s/{site.key}/feed.atom"' in page
    (answer,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
    data = json.loads(answer)
    assert data["@type"] == "Dataset"
    assert data["license"] == "https://creativecommons.org/licenses/by/4.0/"
    for part in data["distribution"]:
        assert (await client.get(part["contentUrl"])).status_code == 200
    page = (await client.get(f"/s/{site.key}/problems/1")).text
    assert f'<link rel="canonical" href="{problem}">' in page
    assert f'<meta property="og:url" content="{problem}">' in page
    assert 'name="description" content="Яма &lt;/script&gt;' in page
    assert "alert(1)</script>" not in page
    assert "noindex" not in page
    page = (await client.get(f"/s/{site.key}/report?category=roads")).text
    described = existing(re.search(r'<meta name="description" content="([^"]+)">', page))
    assert site.agency.name in described[1]
    assert f'<link rel="canonical" href="{home}/report">' in page
    assert f'hreflang="en" href="{home}/report?lang=en"' in page


async def test_the_first_photo_and_that_of_the_answer_are_loaded_eagerly(
    client: Client, context: Context, site: Site
) -> None:
    """It is the largest element of the page (Largest Contentful Paint)."""
    taken = [Photo((await photos.receive(context, site.id, jpeg(), sender="x")).id) for _ in range(4)]
    problem_id = await publish(context, site, photos=tuple(taken[:2]))
    images = re.findall(r"<img[^>]+>", (await client.get(f"/s/{site.key}/problems/1")).text)
    assert ['fetchpriority="high"' in image for image in images] == [True, False]
    assert ['loading="lazy"' in image for image in images] == [False, True]
    assert all('width="480" height="360"' in image for image in images), "4:3, whatever the file is"
    answer = Change(to="resolved", text="Засыпано", photos=tuple(taken[2:]))
    await lifecycle.change(context.database, AGENT, site.id, problem_id, answer)
    images = re.findall(r"<img[^>]+>", (await client.get(f"/s/{site.key}/problems/1")).text)
    assert ['fetchpriority="high"' in image for image in images] == [True, False, False, False]
    assert ['loading="lazy"' in image for image in images] == [False, False, True, True]


async def test_merged_problems_redirect_withdrawn_are_gone(client: Client, context: Context, site: Site) -> None:
    """Not to a report that was erased once it was answered: from an open one the merged come apart."""
    kept, merged, gone = [await publish(context, site) for _ in range(3)]
    await lifecycle.change(context.database, AGENT, site.id, merged, Change(to="duplicate", duplicate_of=1))
    await lifecycle.change(context.database, RESIDENT, site.id, gone, Change(to="withdrawn"))
    page = await client.get(f"/s/{site.key}/problems/2")
    assert f'<a href="/s/{site.key}/problems/1">Это сообщение объединено с № 1' in page.text
    assert (await client.get(f"/s/{site.key}/problems/3")).status_code == 404
    assert "problems/3" not in (await client.get(f"/s/{site.key}")).text
    await lifecycle.change(context.database, AGENT, site.id, kept, Change(to="resolved", text="Засыпано"))
    await lifecycle.erase(context.database, RESIDENT, site.id, kept)
    page = await client.get(f"/s/{site.key}/problems/2")
    assert (page.status_code, "Объединено с № 1" in page.text) == (200, True)
    assert f"/s/{site.key}/problems/1" not in page.text


async def test_the_page_says_whether_the_deadline_was_met(client: Client, context: Context, site: Site) -> None:
    with time_machine.travel("2026-06-01T09:00:00Z", tick=False):
        ids = [await publish(context, site) for _ in range(4)]
    with time_machine.travel("2026-06-03T09:00:00Z", tick=False):
        await lifecycle.change(context.database, AGENT, site.id, ids[1], Change(to="answered", text="Скоро"))
        waiting = (await client.get(f"/s/{site.key}/problems/1")).text
    with time_machine.travel("2026-08-03T09:00:00Z", tick=False):
        await lifecycle.change(context.database, AGENT, site.id, ids[2], Change(to="resolved", text="Сделали"))
        pages = [(await client.get(f"/s/{site.key}/problems/{number}")).text for number in (1, 2, 3)]
    assert "due-waiting" in waiting
    assert [re.findall(r'class="due due-(\w+)"', page) for page in pages] == [["overdue"], ["in_time"], ["late"]]
    # The same words as in the widget.
    dates = [*re.findall(r'class="due[^>]*>([^<]*)', "".join(pages))]
    assert [re.sub(r"\d+\s[а-я]+", "…", one) for one in dates] == [
        "Ответ обещали до …, его ещё нет",
        "Ответ дан в срок, …",
        "Ответ дан …, обещали до …",
    ]


async def test_no_page_feed_or_map_shows_personal_or_unpublished(client: Client, context: Context, site: Site) -> None:
    secret = "КАНАРЕЙКА"
    contact = Contact(email=EMAIL, name=secret, phone="+7 912 345-67-89", publish_name=True)
    address = f"https://gorod.test/{secret}"
    await publish(context, site, contact=contact, page_url=address, device=secret, answers={"question": secret})
    await submit_report(context.database, site, description=f"{secret} на модерации")
    await publish(context, await make_site(context.database), description=f"{secret} другого сайта")
    home = f"/s/{site.key}"
    for path in ("", f"?q={secret}", "/problems/1", "/feed.atom", "/sitemap.xml"):
        answer = await client.get(home + path)
        assert answer.status_code == 200, path
        shown = answer.text.replace(f'value="{secret}"', "")
        for never in (secret, EMAIL, "345-67-89", "203.0.113.7"):
            assert never not in shown, path


async def test_a_shared_photo_that_no_worker_took_is_read_as_far_as_a_report_may_have_it(
    client: Client, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "MAX_FILE_SIZE", 10_000)
    path, most = f"/s/{site.key}/share", site.photos * 10_000 + 65_536
    sent = 0

    async def send(size: int) -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(size // 1000):
            sent += 1000
            yield b"x" * 1000

    taken = await client.post(path, content=send(most))
    assert (taken.status_code, taken.headers["location"]) == (303, f"/s/{site.key}/form?shared")
    sent = 0
    refused = await client.post(path, content=send(10 * most))
    assert refused.status_code == 413
    assert "Уменьшите их" in refused.text
    assert sent < most + 70_000, "nothing is read to its end that no report can have"
