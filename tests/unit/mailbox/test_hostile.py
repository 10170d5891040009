"""Letters from attackers who want the parser to fail or to run for ever."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_api.attachments.documents import model
from widget_api.mailbox import commands, inspection, markup, parse, quotations, trust
from widget_api.mailbox.model import Arrival
from widget_api.settings import Settings

DAY = date(2026, 11, 25)


def test_unfinished_markup_headings_and_comments_are_parsed_in_linear_time() -> None:
    """With quadratic time this would block everybody else for a minute."""
    for start in ("-- original message", "начало переадресованного сообщения", "_" * 45_000):
        line = start + " " * 90_000 + "x"
        assert quotations.strip_quotations(line) == line, start[:40]
    for piece in ("<" + "a" * 390_000, "<p" + " " * 390_000, "<!" + "a" * 390_000, "<div>" * 79_000):
        assert markup.extract_text(piece)[1] == set(), piece[:9]
    for piece in ("<a ", "<!-- ", "<script ", "<div><p>", "&amp", "<![CDATA["):
        assert markup.extract_text("<p>Решено</p>" + piece * 100_000)[0].startswith("Решено"), piece
    said = commands.parse_command("", "дубликат" + "\t" * 90_000 + "х", DAY)
    assert (said.status, said.unclear) == (None, True)
    field = b"Authentication-Results: gorod.test; " + b"(" * 1900 + b")" * 1900 + b"\n"
    passed = b"Authentication-Results: gorod.test; dmarc=pass header.from=gorod.test\n"
    assert trust.has_dmarc_pass(parse.parse_message(field * 60 + passed + b"\nx"), "a@gorod.test", ("gorod.test",))


def test_the_responsible_organisation_keeps_its_first_letter() -> None:
    for line, responsible in (
        ("Передано: водоканалу", "водоканалу"),
        ("Направлено: Сергею Петрову", "Сергею Петрову"),
        ("Передано: в водоканал", "водоканал"),
        ("направлено в область", "область"),
        ("Forwarded: Ontario Hydro", "Ontario Hydro"),
    ):
        assert commands.parse_command("", line, DAY).responsible == responsible


HEAD = b"From: a@b.test\nSubject: x\n"
PDF = HEAD + b"Content-Type: application/pdf\nContent-Disposition: attachment; "


def test_letters_that_break_the_email_library_are_parsed() -> None:
    """An exception would mean a temporary failure: redelivery for days, and a blocked IMAP mailbox."""
    for raw in (
        b"From: " + b"(" * 3000 + b"\n\nx",
        b"From: a" + b"<(" * 2000 + b"\n\nx",
        HEAD + b"Content-Type: text/html\n\n&#" + b"1" * 5000 + b";x",
        HEAD + b"Content-Type: text/plain; charset*=utf-8''x\n\nx\xff",
        HEAD + b"Content-Type: text/plain; charset=idna\n\nx\xff",
        HEAD + b"Content-Type: text/plain; charset=undefined\n\nx\xff",
        PDF + b"filename*" + b"9" * 5000 + b"*=x\n\nx",
        PDF + b"filename*=idna''%ff\n\nx",
        PDF + b"filename*=undefined''x\n\nx",
        PDF + b"filename*=utf-7''%2B2AA-\n\nx",
        PDF + b"filename*=unicode_escape''%5Cud800\n\nx",
        PDF + b"filename*=raw_unicode_escape''%5Cud800\n\nx",
    ):
        letter = parse.read_letter(raw)
        assert "\ud800" not in "".join(one.name for one in letter.attachments), raw


@pytest.mark.parametrize("end", [b"\r", b"x\r"])
def test_a_bare_carriage_return_ends_a_line(end: bytes) -> None:
    with pytest.raises(parse.TooComplex):
        parse.parse_message(b"From: a@b.test\n\n" + end * 700_000)
    with pytest.raises(parse.TooComplex):
        parse.parse_message(b"From: a@b.test\rContent-Type: multipart/mixed" + b"; a=b" * 5000 + b"\n\nx")


def test_unexpected_failures_are_not_temporary(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(text: str) -> str:
        raise LookupError(text)

    monkeypatch.setattr(quotations, "strip_quotations", failing)
    with pytest.raises(parse.TooComplex):
        inspection.inspect_letter(Arrival(b"From: a@b.test\n\nx", "a@b.test", ()), settings)


FIELDS = ("From", "To", "Subject", "Content-Type", "Content-Disposition", "Content-Transfer-Encoding", "Message-ID",
          "Content-ID", "Authentication-Results", "Auto-Submitted", "Return-Path", "References", "X")  # fmt: skip
VALUES = st.lists(
    st.sampled_from(
        ["multipart/mixed", "multipart/report", "multipart/related", "message/rfc822", "message/delivery-status",
         "text/plain", "text/html", "application/pdf", "boundary=b", "charset=", "charset*=", "utf-7''", "idna''",
         "punycode", "undefined", "utf-16", "unicode_escape", "filename=", "filename*0*=", "filename*1=", "name*=",
         "report-type=delivery-status", "format=flowed", "delsp=yes", "base64", "x-uuencode", "quoted-printable",
         "=?utf-8?b?", "=?utf-7?q?+2AA-?=", "=?x?q?", "?=", "(", ")", "<", ">", "\"", "\\", ";", ":", ",", "@",
         "a@b.test", "%ff", "%5Cud800", "\x00", "\xff", "\r", "\r\n ", "9" * 5000, " "]
    ),
    max_size=12,
).map("".join)  # fmt: skip
LINES = st.one_of(
    st.tuples(st.sampled_from(FIELDS), VALUES).map(": ".join),
    st.sampled_from(["", "--b", "--b--", "begin 666 x", "Action: failed", "Status: 5.1.1", "> x", "<p>", "&#x110000;"]),
    VALUES,
)


@given(st.lists(LINES, max_size=25))
def test_no_combination_of_such_lines_breaks_the_parser(lines: list[str]) -> None:
    raw = "\n".join(lines).encode("latin-1")
    try:
        letter = parse.read_letter(raw)
        found = inspection.classify(letter.message, envelope_sender=None, own=frozenset({"a@b.test"}), host="b.test")
        if found.kind == "bounce":
            inspection.parse_failure(letter.message)
    except parse.TooComplex:
        return
    received = (letter.subject, letter.text, *letter.named, *letter.recipients, *letter.left_out)
    "".join((*received, *(one.name for one in letter.attachments))).encode()  # the database accepts it
    assert "\0" not in "".join(received)
    commands.parse_command(letter.subject, letter.text, DAY)


# --- what our own mail server repeats of what the other side said of itself ----------------------------------------


OURS = "gorod.test; "
VERDICT = "; dmarc=fail (p=none) header.from=gorod.test"


@pytest.mark.parametrize(
    "said",
    [
        'spf=pass smtp.mailfrom="x; dmarc=pass header.from=gorod.test;"@evil.test',
        'spf=pass (x: domain of "a); dmarc=pass header.from=gorod.test; ("@evil.test designates) smtp.helo=x',
        'spf=pass smtp.mailfrom="x; dmarc=pass header.from=gorod.test; ("@evil.test (comment)',
        'spf=pass smtp.mailfrom="x\\"; dmarc=pass header.from=gorod.test; y=\\""@evil.test',
        "spf=pass (never ends; dmarc=pass header.from=gorod.test",
        'spf=pass reason="never ends; dmarc=pass header.from=gorod.test',
        "dmarc=pass header.from=gorod.test header.from=evil.test",
        "dmarc=pass header.from=evil.test",
        "spf=pass smtp.mailfrom=" + "x" * 5000 + "; dmarc=pass header.from=gorod.test",
    ],
)
@pytest.mark.parametrize("verdict", [VERDICT, ""])
def test_authentication_results_of_other_servers_are_ignored(said: str, verdict: str) -> None:
    raw = f"Authentication-Results: {OURS}{said}{verdict}\nFrom: a@gorod.test\n\nx".encode()
    assert not trust.has_dmarc_pass(parse.parse_message(raw), "a@gorod.test", ("gorod.test",))


def test_several_authentication_results_of_the_trusted_server_are_combined() -> None:
    """SPF and DMARC results are written by different programs, each in its own field."""
    spf = f"Authentication-Results: {OURS}spf=pass smtp.helo=x;dmarc=pass;header.from=gorod.test\n"
    dmarc = f"Authentication-Results: {OURS}dmarc=fail header.from=gorod.test\n"
    both = f"Authentication-Results: {OURS}spf=pass smtp.helo=x;dmarc=pass{VERDICT}\n"
    for raw in (spf + dmarc, dmarc + spf, both):
        assert not trust.has_dmarc_pass(parse.parse_message(raw.encode() + b"\nx"), "a@gorod.test", ("gorod.test",))


def test_a_forged_greeting_is_not_trusted() -> None:
    for received in (
        "from [10.0.0.1] (203.0.113.5) by mx.gorod.test (10.0.0.5) with Microsoft SMTP Server",
        "from unknown (HELO [127.0.0.1]) (203.0.113.5) by mx with SMTP",
        "from unknown (HELO [127.0.0.1]) (root@203.0.113.5) by mx with SMTP",
        "from [127.0.0.1] (2001:db8::5) by mx",
    ):
        raw = f"Received: {received}; now\nAuthentication-Results: gorod.test; dmarc=pass\n\nx".encode()
        assert not trust.has_dmarc_pass(parse.parse_message(raw), "a@gorod.test", ("gorod.test",)), received


# --- what comes attached --------------------------------------------------------------------------------------------


def archive(*files: tuple[str, bytes], packed: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packed) as made:
        for name, content in files:
            made.writestr(name, content)
    return out.getvalue()


def document(relations: bytes, name: str = "word/_rels/settings.xml.rels") -> bytes:
    return archive(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"x"), (name, relations))


TYPE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"


def related(kind: str, mode: str = ' TargetMode="External"') -> bytes:
    relation = f'<Relationship Id="r1" Type="{TYPE}{kind}" Target="https://x.test/a"{mode}/>'
    return f"<Relationships>{relation}</Relationships>".encode()


def test_documents_with_remote_templates_are_refused() -> None:
    for relations, taken in (
        (related("hyperlink"), True),
        (related("image", ""), True),
        (related("attachedTemplate", ""), True),
        (related("attachedTemplate"), False),
        (related("oleObject"), False),
        (related("aFChunk").replace(b"Relationship", b"p:Relationship"), False),
        (related("attachedTemplate").replace(b"External", b"&#69;xternal"), False),
        (related("attachedTemplate").decode().encode("utf-16"), False),
        (related("hyperlink").decode().encode("utf-16"), True),
        (related("hyperlink").replace(b"</", b"<"), False),
        (b"<!DOCTYPE a [<!ENTITY e 'x'>]>" + related("hyperlink"), False),
        (b" " * 2_000_000, False),
    ):
        assert (model.detect_type(document(relations)) is not None) is taken


MACROSHEET = b'<Override PartName="/xl/%s" ContentType="application/vnd.ms-excel.macrosheet+xml"/>'
ENABLED = b'<Override PartName="/xl/workbook.xml" ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/>'
PLAIN = (
    b'<Override PartName="/xl/workbook.xml"'
    b' ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
)


def test_sheets_with_macros_are_refused() -> None:
    """Excel 4.0 macros are separate sheets."""
    for types, more, taken in (
        (PLAIN, (), True),
        (PLAIN, (("xl/_rels/workbook.xml.rels", related("hyperlink").replace(b"/a", b"/macro")),), True),
        (PLAIN, (("xl/macrosheets/sheet1.xml", b"x"),), False),
        (PLAIN, (("xl/dialogsheets/sheet1.xml", b"x"),), False),
        (PLAIN, (("xl/connections.xml", b"x"),), False),
        (PLAIN + MACROSHEET % b"worksheets/sheet2.xml", (("xl/worksheets/sheet2.xml", b"x"),), False),
        (PLAIN + (MACROSHEET % b"a.xml").replace(b'"', b"'"), (("xl/a.xml", b"x"),), False),
        (PLAIN + (MACROSHEET % b"a.xml").replace(b"macro", b"&#109;acro"), (("xl/a.xml", b"x"),), False),
        (ENABLED, (), False),
        (PLAIN, (("[content_types].xml", b"<Types>%s</Types>" % ENABLED),), False),
        (PLAIN, (("xl/_rels/workbook.xml.rels", related("xlMacrosheet", "")),), False),
        (PLAIN, (("xl/_rels/workbook.xml.rels", related("vbaProject", "")),), False),
    ):
        content = archive(("[Content_Types].xml", b"<Types>%s</Types>" % types), ("xl/workbook.xml", b"x"), *more)
        assert (model.detect_type(content) is not None) is taken, types


@pytest.mark.parametrize("stream", ["WordDocument", "Workbook", "Book", "PowerPoint Document"])
def test_legacy_office_files_are_refused(stream: str) -> None:
    compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + stream.encode("utf-16-le") + bytes(2000)
    assert model.detect_type(compound) is None


def test_archives_are_not_decompressed_to_detect_their_type() -> None:
    """484 bytes became a gigabyte: bzip2 returns everything at once."""
    bomb = archive(("mimetype", b"\0" * 5_000_000), packed=zipfile.ZIP_BZIP2)
    assert model.detect_type(bomb) is None
    odt = "application/vnd.oasis.opendocument.text"
    assert model.detect_type(archive(("mimetype", odt.encode()), packed=zipfile.ZIP_BZIP2)) is None
    assert model.detect_type(archive(("mimetype", odt.encode()), packed=zipfile.ZIP_STORED)) is not None
    parts = [("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"x")]
    assert model.detect_type(archive(*parts)) is not None
    many = archive(*parts, *((f"{n}", b"") for n in range(3000)))
    assert model.detect_type(many) is None
