"""The report as one HTML file: no script, nothing fetched from elsewhere, figures inside as SVG. `body_html` gives the
part between <body> and </body> without style attributes, for a page that has a style sheet of its own.
"""

import base64
import re
from collections.abc import Callable
from html import escape

from turing.report.document import Block, Data, Document, Figure, Listing, Paragraph, Section, Table, Value
from turing.report.figure_files import Pictures

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #1b1b1b; background: #fff; margin: 0; }
main, header { max-width: 62rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 2rem; }
h1 { font-size: 1.8rem; line-height: 1.25; margin: 0 0 .3rem; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .7rem; border-bottom: 1px solid #ccc; padding-bottom: .2rem; }
.subtitle { color: #444; margin: 0 0 1rem; }
nav ol { columns: 2; margin: 0; padding-left: 1.4rem; }
a { color: #00507d; }
.report-table { overflow-x: auto; margin: 1.4rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .86rem; line-height: 1.4; }
caption { text-align: left; font-weight: 700; padding: .2rem 0 .45rem; font-size: .95rem; }
thead { border-top: 2px solid #222; border-bottom: 1px solid #222; }
tbody:last-of-type { border-bottom: 2px solid #222; }
th, td { padding: .28rem .5rem; text-align: center; vertical-align: top; }
th:first-child, td:first-child { text-align: left; }
tbody th { font-weight: 400; }
.report-prose th, .report-prose td { text-align: left; }
.report-whole { white-space: nowrap; }
.report-group th { font-style: italic; padding-top: .6rem; }
.report-total { background: #f1f1f1; }
.report-notes { font-size: .82rem; color: #333; margin: .4rem 0 0; }
.report-notes p { margin: .15rem 0; }
figure { margin: 1.6rem 0; }
figure img { max-width: 100%; height: auto; }
figcaption { font-weight: 700; font-size: .95rem; }
details { margin: .4rem 0; font-size: .86rem; }
details table { width: auto; }
@page { margin: 18mm; }
@media print {
  body { font-size: 10pt; }
  main, header { max-width: none; padding: 0; }
  nav, details { display: none; }
  .report-table { overflow: visible; }
  h2, caption, figcaption { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  thead { display: table-header-group; }
  a { color: inherit; text-decoration: none; }
}
"""


def html_page(document: Document, pictures: Pictures | None = None) -> str:
    """A whole file that can be kept, mailed and printed."""
    body = body_html(document, address_of=svg_inside(pictures or Pictures()))
    return (
        f'<!doctype html>\n<html lang="{escape(document.language)}">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(document.title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<header>\n<h1>{escape(document.title)}</h1>\n<p class="subtitle">{escape(document.subtitle)}</p>\n'
        f"{contents_html(document)}</header>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def contents_html(document: Document) -> str:
    """Links to the sections."""
    entries = "\n".join(
        f'<li><a href="#{escape(section.key)}">{escape(section.title)}</a></li>' for section in document.sections
    )
    return f'<nav aria-label="Contents">\n<ol>\n{entries}\n</ol>\n</nav>\n'


def svg_inside(pictures: Pictures) -> Callable[[Figure], str]:
    """Address of a picture that holds the picture itself."""

    def address_of(figure: Figure) -> str:
        return f"data:image/svg+xml;base64,{base64.b64encode(pictures.file(figure, 'svg')).decode()}"

    return address_of


def body_html(document: Document, *, address_of: Callable[[Figure], str]) -> str:
    """The sections. `address_of`: where the picture of a figure is found."""
    return "".join(_section(document, section, address_of) for section in document.sections)


def _section(document: Document, section: Section, address_of: Callable[[Figure], str]) -> str:
    key = escape(section.key)
    blocks = "".join(_block(document, block, address_of) for block in section.blocks)
    return f'<section aria-labelledby="{key}">\n<h2 id="{key}">{escape(section.title)}</h2>\n{blocks}</section>\n'


def _block(document: Document, block: Block, address_of: Callable[[Figure], str]) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>\n"
    if isinstance(block, Listing):
        tag = "ol" if block.is_numbered else "ul"
        return f"<{tag}>\n" + "".join(f"<li>{escape(item)}</li>\n" for item in block.items) + f"</{tag}>\n"
    if isinstance(block, Table):
        return _table(document, block)
    return _figure(document, block, address_of(block))


def _table(document: Document, table: Table) -> str:
    caption = escape(document.caption(table))
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in table.columns)
    lines, is_open = [], False
    for row in table.rows:
        if row.kind == "group":
            lines.append("</tbody>\n<tbody>\n" if is_open else "<tbody>\n")
            lines.append(
                f'<tr class="report-group"><th scope="rowgroup" colspan="{len(table.columns)}">'
                f"{escape(row.cells[0])}</th></tr>\n"
            )
            is_open = True
            continue
        if not is_open:
            lines.append("<tbody>\n")
            is_open = True
        kind = ' class="report-total"' if row.kind == "total" else ""
        cells = "".join(f"<td>{_cell(cell)}</td>" for cell in row.cells[1:])
        lines.append(f'<tr{kind}><th scope="row">{escape(row.cells[0])}</th>{cells}</tr>\n')
    if is_open:
        lines.append("</tbody>\n")
    prose = ' class="report-prose"' if table.is_prose else ""
    # A region that scrolls must be reachable with the keyboard, and then needs a name.
    return (
        f'<div class="report-table" id="table-{escape(table.key)}" role="region" tabindex="0" aria-label="{caption}">\n'
        f"<table{prose}>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n{''.join(lines)}</table>\n"
        f"</div>\n{_notes(table.notes)}"
    )


def _cell(text: str) -> str:
    """Browsers break lines after a dash; an interval stays in one piece."""
    return re.sub(r"\S*–\S*", r'<span class="report-whole">\g<0></span>', escape(text))


def _notes(notes: tuple[str, ...]) -> str:
    if not notes:
        return ""
    return '<div class="report-notes">\n' + "".join(f"<p>{escape(note)}</p>\n" for note in notes) + "</div>\n"


def _figure(document: Document, figure: Figure, address: str) -> str:
    width, height = (round(96 * inches) for inches in figure.size)
    return (
        f'<figure id="figure-{escape(figure.key)}">\n'
        f'<img src="{escape(address)}" width="{width}" height="{height}" alt="{escape(figure.alt)}">\n'
        f"<figcaption>{escape(document.caption(figure))}</figcaption>\n{_notes(figure.notes)}"
        f"<details>\n<summary>The numbers of {escape(document.label(figure))}</summary>\n"
        f"{_data(figure.data, document.label(figure))}</details>\n</figure>\n"
    )


def _data(data: Data, label: str) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in data.columns)
    rows = "".join(f"<tr>{''.join(f'<td>{_value(value)}</td>' for value in row)}</tr>\n" for row in data.rows)
    name = escape(f"The numbers of {label}")
    return (
        f'<div class="report-table" role="region" tabindex="0" aria-label="{name}">\n'
        f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )


def _value(value: Value) -> str:
    if value is None or value != value:  # NaN is not equal to itself
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else escape(str(value))
