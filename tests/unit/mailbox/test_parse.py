"""Parsing of letters: command words and dates, quotations, the sender, and robustness."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.mailbox import LETTERS
from widget_api.attachments.documents import model
from widget_api.mailbox import commands, decode, inspection, markup, parse, quotations, trust

TODAY = date(2026, 11, 25)


def test_command_words_in_the_first_line_or_the_subject() -> None:
    for line, status, rest in (
        ("Решено", "resolved", "Решено"),
        ("РЕШЕНО!", "resolved", "РЕШЕНО!"),
        ("Решён.", "resolved", "Решён."),
        ("«Решено»", "resolved", "«Решено»"),
        ("Статус: выполнено — асфальт уложен", "resolved", "асфальт уложен"),
        ("Дан ответ: ремонт в плане 2027 года", "answered", "ремонт в плане 2027 года"),
        ("В работе, ждём плитку", "in_progress", "ждём плитку"),
        ("Принято в работу", "in_progress", "Принято в работу"),
        ("Отклонено: не наша территория", "rejected", "не наша территория"),
        ("Принято", "accepted", ""),
        ("Fixed", "resolved", "Fixed"),
        ("Rejected: private land", "rejected", "private land"),
        ("Добрый день", None, "Добрый день"),
        ("Ответ на ваше сообщение: ждите", None, "Ответ на ваше сообщение: ждите"),
    ):
        found = commands.parse_command("Re: Сообщение № 1: Дороги", line, TODAY)
        assert (found.status, found.text, found.unclear) == (status, rest, False), line
    for line in (
        "Решено провести проверку", "Решено, но не всё", "Не решено", "Ещё не выполнено", "Выполнено частично",
        "Принято к сведению", "Запланированы работы", "Перенаправлено письмо заявителя",
    ):  # fmt: skip
        found = commands.parse_command("", line, TODAY)
        assert (found.status, found.unclear) == (None, True), "ordinary text is not a command"
    for subject in (
        "Решено Re: Сообщение № 1", "Re: [решено] Сообщение № 1", "Re: Сообщение № 1: Дороги — решено", "RE: Решено",
    ):  # fmt: skip
        expected = commands.Command(status="resolved", text="Яму заделали")
        assert commands.parse_command(subject, "Яму заделали", TODAY) == expected, subject


def test_dates() -> None:
    for line, day, wrong in (
        ("Запланировано до 15.12", "2026-12-15", None),
        ("Запланировано до 15.12.", "2026-12-15", None),
        ("Запланировано: 15.12.2026", "2026-12-15", None),
        ("Запланировано до 15/12/26", "2026-12-15", None),
        ("Запланировано до 15 декабря", "2026-12-15", None),
        ("Запланировано на 15 декабря 2026 г.", "2026-12-15", None),
        ("Запланировано до 2026-12-15", "2026-12-15", None),
        ("Planned by December 15, 2026", "2026-12-15", None),
        ("Scheduled for 15 December", "2026-12-15", None),
        ("Запланировано до 25.11", "2026-11-25", None),
        ("Запланировано до 24.11", "2027-11-24", None),
        ("Запланировано до 24.11.2026", "2026-11-24", "date_past"),
        ("Запланировано до 29.02", "2028-02-29", None),
        ("Запланировано до 31.02", None, "date"),
        ("Запланировано до 3 мая", "2027-05-03", None),
        ("Запланировано до 3 марта", "2027-03-03", None),
    ):
        found = commands.parse_command("", line, TODAY)
        assert (found.status, found.expected_on, found.wrong) == ("planned", day, wrong), line


def test_responsible_organisation_and_duplicate_number() -> None:
    assert commands.parse_command("", "Перенаправлено в ГИБДД", TODAY).responsible == "ГИБДД"
    assert (
        commands.parse_command("", "Перенаправлено\nМинтранс области.\nДорога областная", TODAY).responsible
        == "Минтранс области"
    )
    assert commands.parse_command("", "Передано исполнителю: МУП «Дорсервис»", TODAY).status == "forwarded"
    assert commands.parse_command("", "Объединено с сообщением № 12", TODAY).duplicate_of == 12
    assert commands.parse_command("", "Дубликат №7. Спасибо", TODAY).duplicate_of == 7


def test_quotations_and_signatures_are_cut() -> None:
    for text, own in (
        ("Да\n\n25 ноября 2026 г., 10:00, Имя Фамилия <a@b.test>\nпишет:\n\n> x\n", "Да"),
        ("Да\n25.11.2026, 10:00, \"Имя\" <a@b.test>:\nбез пометок\n", "Да"),
        ("On Wed, Nov 25, 2026 at 10:00 AM Site <a@b.test> wrote:\n> x\n\nДа", "Да"),
        ("Да\n\n________________________________\nFrom: Site\nSent: now\nTo: a\nSubject: b\n\nx", "Да"),
        ("Да\n\nОт кого: Сайт\nКому: a@b.test\nДата: 25 ноября\nТема: b\n\nx", "Да"),
        ("Да\n-------- Исходное сообщение --------\nx", "Да"),
        ("Да\nС уважением,\nИванов\n--\nтел.", "Да\nС уважением,\nИванов"),
        ("Житель пишет:\nяма глубокая.\nОт жителей: спасибо", "Житель пишет:\nяма глубокая.\nОт жителей: спасибо"),
        ("Отклонено\n\n26 ноября widget пишет:\n> x\n", "Отклонено"),
        ("Да\nОфициальный сайт wrote:\n> x\nНет", "Да\nНет"),
        ("> x\nДа\n> y\nнет", "Да\nнет"),
        ("Работы до 15.12:\n- щебень\n- асфальт", "Работы до 15.12:\n- щебень\n- асфальт"),
        ("Да\n\nОтправлено из мобильной Почты Mail", "Да"),
        ("Отправлено из отдела ЖКХ\nписьмо подрядчику", "Отправлено из отдела ЖКХ\nписьмо подрядчику"),
        ("25 ноября 2026\n\nИмя пишет:\n> x", "25 ноября 2026"),  # a heading has no empty line
        ("В 10:30 приезжали\n> Имя <a@b.test> пишет:\nи уехали", "В 10:30 приезжали\nи уехали"),
        (f"25.11.2026 {'я' * 300} пишет:\nДа", f"25.11.2026 {'я' * 300} пишет:\nДа"),
    ):  # fmt: skip
        assert quotations.strip_quotations(text) == own


@pytest.mark.parametrize("charset", ["windows-1251", "koi8-r", "cp866", "iso8859-5", "utf-8"])
@pytest.mark.parametrize("label", [None, "us-ascii", "utf-8", "windows-1251", "koi8-r", "x-unknown", "idna"])
def test_wrong_charset_labels_of_russian_text_are_corrected(charset: str, label: str | None) -> None:
    said = "Решено: яму на пешеходном переходе заделали, спасибо за обращение."
    assert decode.decode_text(said.encode(charset), label) == said


def test_western_charsets_are_unchanged_and_encoded_words_may_split_a_character() -> None:
    western = "Répondu: voilà l'été à Genève"
    assert decode.decode_text(western.encode("latin-1"), "iso-8859-1") == western
    assert decode.decode_header("=?utf-8?B?0KDQtdGI0LXQvdC+INE=?=\n =?utf-8?B?iw==?=") == "Решено ы"
    assert decode.decode_header("=?koi8-r?Q?=F2=C5=DB=C5=CE=CF?= 1") == "Решено 1"


def test_html_is_converted_to_text_with_quotations() -> None:
    text, images = markup.extract_text(
        "<p>Да<br>нет</p><blockquote>x<p>y</p></blockquote><img src='cid:a@b'><script>z</script>"
    )
    assert text == "Да\nнет\n> x\n>\n> y"
    assert images == {"a@b"}


def test_a_dmarc_pass_of_our_own_server_is_trusted() -> None:
    for field, passed in (
        ("gorod.test; dmarc=pass header.from=gorod.test", True),
        ("GOROD.test 1; spf=pass smtp.mailfrom=x; dmarc=pass (p=none; dis=none) header.from=Gorod.Test", True),
        ("gorod.test; dmarc = pass", True),
        ("gorod.test; dmarc=fail; dmarc=pass", False),
        ("gorod.test; dkim=pass reason=\"dmarc=pass\"", False),
        ("gorod.test; none", False),
        ("gorod.test (dmarc=pass)", False),
        ("gorod.test; dmarc=passed", False),
        ("gorod.test.evil; dmarc=pass", False),
        ("", False),
    ):  # fmt: skip
        message = parse.parse_message(f"Authentication-Results: {field}\r\nFrom: a@gorod.test\r\n\r\n".encode())
        assert trust.has_dmarc_pass(message, "a@gorod.test", ("gorod.test",)) is passed, field


def test_results_below_a_foreign_hop_are_not_trusted() -> None:
    for received, trusted in (
        ("from x (x [93.184.216.34]) by y", False),
        ("from localhost (localhost [127.0.0.1]) by y", True),
        ("from [10.0.0.1] by x (evil [93.184.216.34]) by y", False),
        ("from x by y", False),
        ("by y with local", True),
        ("from filter (filter [IPv6:::1]) by y", True),
        ("from x (x [IPv6:2a00:1450::1]) by y", False),
        ("from x (unknown [999.1.1.1]) by y", False),
    ):
        raw = f"Received: {received}; now\r\nAuthentication-Results: gorod.test; dmarc=pass\r\n\r\n"
        message = parse.parse_message(raw.encode())
        assert trust.has_dmarc_pass(message, "a@gorod.test", ("gorod.test",)) is trusted, received


@pytest.mark.parametrize(("hops", "results", "trusted"), [
    (0, "pass", False), (1, "pass", False), (2, "pass", True), (2, "fail", False), (3, "pass", True),
])  # fmt: skip
def test_results_below_the_providers_own_hops_are_trusted(hops: int, results: str, trusted: bool) -> None:
    """Mail providers relay a letter internally before and after they check it."""
    raw = (
        "Received: from mx.mail.test (mx.mail.test [93.184.216.34]) by store.mail.test with LMTP; now\r\n"
        "Received: from relay.gorod.test (relay.gorod.test [93.184.216.40]) by mx.mail.test; now\r\n"
        f"Authentication-Results: mx.mail.test; dmarc={results} header.from=gorod.test\r\n"
        "Received: from office (unknown [93.184.216.41]) by relay.gorod.test; now\r\n"
        "Authentication-Results: other.test; dmarc=fail\r\n\r\n"
    )
    assert trust.has_dmarc_pass(parse.parse_message(raw.encode()), "a@gorod.test", ("mx.mail.test",), hops) is trusted


def test_results_below_more_hops_are_not_trusted() -> None:
    raw = (
        "Received: from relay.evil.test (x [93.184.216.40]) by mx.mail.test; now\r\n"
        "Received: from y (y [93.184.216.41]) by relay.evil.test; now\r\n"
        "Authentication-Results: mx.mail.test; dmarc=pass header.from=gorod.test\r\n\r\n"
    )
    assert not trust.has_dmarc_pass(parse.parse_message(raw.encode()), "a@gorod.test", ("mx.mail.test",), 1)


def test_the_sender_is_a_single_plain_address() -> None:
    for field, author in (
        ("Приёмная <Priem@gorod.test>", "priem@gorod.test"),
        ("priem@gorod.test", "priem@gorod.test"),
        ("=?utf-8?B?PHByaWVtQGdvcm9kLnRlc3Q+?= <evil@evil.test>", "evil@evil.test"),
        ("priem@gorod.test, evil@evil.test", None),
        ("priem@gorod.test\r\nFrom: evil@evil.test", None),
        ("priem@gorod.test\r\nFrom: evil", None),
        ("priem@gorod.test)evil@evil.test", None),
        ('"priem@gorod.test" <evil@evil.test', None),
        ("<priem@gorod.test> evil@evil.test", None),
        ("Отдел: a@gorod.test;", None),
        ("", None),
    ):
        assert parse.read_letter(f"From: {field}\r\n\r\nx".encode()).author == author


def test_addresses_are_normalised() -> None:
    assert trust.is_listed("PRIEM@Город.рф", "priem@" + "город.рф".encode("idna").decode(), ())
    assert trust.is_listed("a@gorod.test", "priem@gorod.test", ("@GOROD.test",))
    assert not trust.is_listed("a@sub.gorod.test", "priem@gorod.test", ("@gorod.test",))
    assert not trust.is_listed("@gorod.test", "priem@gorod.test", ("@gorod.test",))


def _archive(*names: str, mimetype: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        if mimetype:
            archive.writestr("mimetype", mimetype)
        for name in names:
            archive.writestr(name, "<x/>")
    return out.getvalue()


ODT = "application/vnd.oasis.opendocument.text"


def test_office_files_are_detected_by_content_without_macros() -> None:
    for content, extension in (
        (_archive("[Content_Types].xml", "word/document.xml"), ".docx"),
        (_archive("[Content_Types].xml", "xl/workbook.xml"), ".xlsx"),
        (_archive("[Content_Types].xml", "ppt/presentation.xml"), ".pptx"),
        (_archive("content.xml", mimetype=ODT), ".odt"),
        (_archive("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), None),
        (_archive("[Content_Types].xml", "word/document.xml", "word/embeddings/oleObject1.bin"), None),
        (_archive("[Content_Types].xml", "word/document.xml", "word/activeX/activeX1.xml"), None),
        (_archive("content.xml", "Basic/Standard/script-lb.xml", mimetype=ODT), None),
        (_archive("content.xml", mimetype="application/java-archive"), None),
        (_archive("word/document.xml"), None),
        (b"PK\x03\x04 and no archive", None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument_VBA_PROJECT".encode("utf-16-le"), None),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", None),
        (b"MZ", None),
    ):  # fmt: skip
        found = model.detect_type(content)
        assert (found and found[1]) == extension, content


HEAD = b"From: a@b.test\nContent-Type: multipart/mixed; boundary=b\n"


@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"\n" + b"--b\nContent-Type: multipart/mixed; boundary=c\n\n" * 30,
        b"Content-Type: multipart/mixed" + b"; a=b" * 5000 + b"\n\nx",
        b"To: a@b.test\n" * 30_000 + b"\nx",
        b"From: a@b.test\n\n" + b"\n" * 700_000,
    ],
    ids=["levels", "parameters", "fields", "lines"],
)
def test_expensive_letters_are_refused_before_parsing(raw: bytes) -> None:
    with pytest.raises(parse.TooComplex):
        parse.parse_message(raw)


PIECES = [path.read_bytes() for path in sorted(LETTERS.glob("*.eml"))]


@given(st.sampled_from(PIECES), st.binary(max_size=60), st.integers(0, 5000), st.integers(0, 400))
def test_no_damaged_letter_breaks_the_parser(raw: bytes, spoilt: bytes, place: int, cut: int) -> None:
    place %= len(raw)
    _read_all(raw[:place] + spoilt + raw[place + cut :])


@given(st.binary(max_size=600))
def test_no_bytes_break_the_parser(raw: bytes) -> None:
    _read_all(raw)


def _read_all(raw: bytes) -> None:
    try:
        letter = parse.read_letter(raw)
    except parse.TooComplex:
        return
    inspection.classify(letter.message, envelope_sender="", own=frozenset({"a@b.test"}), host="b.test")
    trust.has_dmarc_pass(letter.message, letter.author or "a@b.test", ("widget.test",))
    commands.parse_command(letter.subject, letter.text, TODAY)
    assert "\0" not in letter.text + letter.subject
