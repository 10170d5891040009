"""Write the report of a period as a typed workbook of Excel: sums are formulas, and carry their values as well.

Texts are written as texts, whatever they begin with. Programs that do not calculate read the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from widget_api import i18n
from widget_api.browse.regional_report import Content, Line, make_lines, make_topics

DEFINITIONS = ("received", "outcome", "answered", "median", "returned", "rating", "change", "erased")
_NUMBERS = {"count": "#,##0", "share": "0%", "hours": "#,##0.0", "rating": "0.0"}
_WIDTHS = (46, 12, 12, 12, 12, 12)
_CHANGES = ((3, 2), (5, 4))  # columns: a change, and the number it is against


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the workbook shows: the first of the titles is its heading."""

    language: str
    titles: Sequence[str]
    content: Content
    names: Mapping[str, str | None]  # of categories, as the site names them


def write(report: Report) -> bytes:
    """Return the workbook."""
    import xlsxwriter  # only here: few processes ever need it

    file = BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"title": report.titles[0], "subject": report.titles[-1]})
        _Writer(book, report).write()
    return file.getvalue()


class _Writer:
    def __init__(self, book: Any, report: Report) -> None:
        self.book, self.report = book, report
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def write(self) -> None:
        language, content = self.report.language, self.report.content
        topics = make_topics(language, content, self.report.names)
        names = ("report.title", "report.definitions", "report.topics", "report.topics_compared")
        sheets = [self.book.add_worksheet(i18n.text(language, name)) for name in names]
        row = self._head(sheets[0])
        self._lines(sheets[0], row, make_lines(language, content))
        self._definitions(sheets[1])
        self._topics(sheets[2], topics)
        row = self._head(sheets[3])
        for name, lines in topics:
            sheets[3].write_string(row, 0, name, self._format(bold=True, text_wrap=True))
            self._lines(sheets[3], row + 1, lines)
            row += 1 + len(lines)

    def _format(self, **changes: Any) -> Any:
        wanted = {"valign": "top", **changes}
        key = tuple(sorted(wanted.items()))
        if key not in self._formats:
            self._formats[key] = self.book.add_format(wanted)
        return self._formats[key]

    def _titles(self, sheet: Any, *, landscape: bool = False) -> int:
        """Write what the sheet is about and set it up for A4. Returns the first free row."""
        for at, title in enumerate(self.report.titles):
            sheet.write_string(at, 0, title, self._format(bold=at == 0, font_size=14 if at == 0 else 10))
        sheet.set_paper(9)  # A4
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
        sheet.set_footer(f"&C{i18n.text(self.report.language, 'report.page', page='&P', pages='&N')}")
        if landscape:
            sheet.set_landscape()
        return len(self.report.titles) + 1

    def _columns(self, sheet: Any, row: int, widths: Sequence[int], heads: Sequence[str]) -> int:
        for column, (width, head) in enumerate(zip(widths, heads, strict=True)):
            sheet.set_column(column, column, width)
            style = self._format(bold=True, text_wrap=True, bottom=1, align="right" if column else "left")
            sheet.write_string(row, column, i18n.text(self.report.language, head), style)
        sheet.repeat_rows(row)
        sheet.freeze_panes(row + 1, 1)
        return row + 1

    def _head(self, sheet: Any) -> int:
        heads = ("line", "now", "before", "change", "year", "change")
        return self._columns(sheet, self._titles(sheet), _WIDTHS, [f"report.column.{one}" for one in heads])

    def _lines(self, sheet: Any, first: int, lines: Sequence[Line]) -> None:
        rows = {line.name: first + at for at, line in enumerate(lines)}
        for row, line in enumerate(lines, first):
            label = line.label
            if line.kind == "hours":
                label = i18n.text(self.report.language, "report.unit.hours", label=label)
            about = {"indent": 2, "align": "left", "text_wrap": True} if line.part else {"bold": line.parts > 0}
            sheet.write_string(row, 0, label, self._format(**about))
            for column, value in zip((1, 2, 4), line.values, strict=True):
                letter = "ABCDEF"[column]
                formula = ""
                if line.parts:
                    formula = f"=SUM({letter}{row + 2}:{letter}{row + 1 + line.parts})"
                elif line.kind == "share" and value is not None:
                    in_time, late = (f"{letter}{rows[one] + 1}" for one in ("in_time", "late"))
                    formula = f"={in_time}/({in_time}+{late})"
                self._number(sheet, row, column, value, line, formula)
            for (column, against), change in zip(_CHANGES, line.changes, strict=True):
                self._number(sheet, row, column, change, line, f"=B{row + 1}-{'ABCDEF'[against]}{row + 1}", signed=True)

    def _number(
        self, sheet: Any, row: int, column: int, value: float | None, line: Line, formula: str, *, signed: bool = False
    ) -> None:
        number = _NUMBERS[line.kind]
        style = self._format(num_format=f"+{number};−{number};0" if signed else number, bold=line.parts > 0)
        if value is None:
            sheet.write_blank(row, column, None, style)
        elif formula:
            sheet.write_formula(row, column, formula, style, value)
        else:
            sheet.write_number(row, column, value, style)

    def _topics(self, sheet: Any, topics: Sequence[tuple[str, Sequence[Line]]]) -> None:
        """A row a category, a column a number of the period; how many came before and a year ago stand last."""
        names = [line.name for line in topics[0][1]] if topics else []
        heads = ["column.topic", *(f"line.{name}" for name in names), "column.received_before", "column.received_year"]
        widths = [34, *[15] * (len(heads) - 1)]
        first = self._columns(sheet, self._titles(sheet, landscape=True), widths, [f"report.{one}" for one in heads])
        count, bold = self._format(num_format="#,##0"), self._format(num_format="#,##0", bold=True, top=1)
        table = [[*(line.values[0] for line in lines), *lines[0].values[1:]] for _, lines in topics]
        for row, ((name, _), values) in enumerate(zip(topics, table, strict=True), first):
            sheet.write_string(row, 0, name, self._format(text_wrap=True))
            for column, value in enumerate(values, 1):
                if value is not None:
                    sheet.write_number(row, column, value, count)
        last = first + len(table)
        sheet.write_string(last, 0, i18n.text(self.report.language, "report.column.total"), bold)
        for column, numbers in enumerate(zip(*table, strict=True), 1):
            letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column]
            total = sum(number or 0 for number in numbers)
            sheet.write_formula(last, column, f"=SUM({letter}{first + 1}:{letter}{last})", bold, total)

    def _definitions(self, sheet: Any) -> None:
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 1, 80)
        for row, name in enumerate(DEFINITIONS, self._titles(sheet)):
            key = f"report.{'column' if name == 'change' else 'line'}.{name}"
            label = i18n.text(self.report.language, key) if name != "erased" else ""
            sheet.write_string(row, 0, label, self._format(bold=True, text_wrap=True))
            definition = i18n.text(self.report.language, f"report.definition.{name}")
            sheet.write_string(row, 1, definition, self._format(text_wrap=True))
