"""The report as LaTeX: booktabs tables that break over pages, figures as PDF files beside it. For pdfLaTeX, XeLaTeX and
LuaLaTeX; names in other scripts than Latin and Greek letters need one of the last two.
"""

import re

from turing.report.column_widths import column_widths
from turing.report.document import Block, Document, Figure, Listing, Paragraph, Section, Table

ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": "'",
    "[": "{[}",  # after \\ a bare one would be read as a distance
    "]": "{]}",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "\N{EM DASH}": "---",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    "…": r"\ldots{}",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≠": r"$\neq$",
    "≈": r"$\approx$",
    "∞": r"$\infty$",
    "→": r"$\rightarrow$",
    "∈": r"$\in$",
    "√": r"$\surd$",
    "²": r"$^{2}$",
    "³": r"$^{3}$",
    "¹": r"$^{1}$",
    "⁻": r"$^{-}$",
    "°": r"$^{\circ}$",
    "ş": r"\c{s}",
    "′": r"$'$",
    **{sign: rf"$^{{{place}}}$" for place, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{
        letter: rf"$\{name}$"
        for letter, name in {
            "α": "alpha",
            "β": "beta",
            "γ": "gamma",
            "δ": "delta",
            "Δ": "Delta",
            "κ": "kappa",
            "λ": "lambda",
            "μ": "mu",
            "π": "pi",
            "ρ": "rho",
            "σ": "sigma",
            "τ": "tau",
            "φ": "phi",
            "Φ": "Phi",
            "χ": "chi",
        }.items()
    },
}
PREAMBLE = r"""\documentclass[10pt,a4paper]{article}
\usepackage{iftex}
\ifPDFTeX
  \usepackage[utf8]{inputenc}
  \usepackage[T1]{fontenc}
  \usepackage{lmodern}
\else
  \usepackage{fontspec}
\fi
\usepackage{textcomp}
\usepackage[margin=22mm]{geometry}
\usepackage{array,booktabs,longtable,graphicx,float}
\usepackage[hidelinks]{hyperref}
\setlength{\tabcolsep}{3pt}
\setlength{\LTleft}{0pt}
\setlength{\LTcapwidth}{\linewidth}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
% A new page unless so much of this one is left: a heading stays with the table below it.
\newcommand{\needroom}[1]{\par\penalty-100\begingroup\dimen0=#1\relax\dimen2=\pagegoal
  \advance\dimen2 by -\pagetotal\ifdim\dimen0>\dimen2\ifdim\dimen2>0pt\vfil\fi\eject\fi\endgroup}
"""
LINE_WIDTH = 166 / 25.4 * 72  # points: A4 less the margins of the preamble; a paper's columns are shares of its own
PADDING = 3.0  # \\tabcolsep, points on either side of a cell
LONG, PIECE = re.compile("[0-9A-Za-z]{32,}"), re.compile(".{1,8}")  # a hash; no word and no name of a command
RANGE = re.compile("(?<=[0-9])--(?=[0-9])")


def escape(text: str) -> str:
    """Text as LaTeX prints it. Line breaks become spaces; what is too long for a word may be broken anywhere."""
    return LONG.sub(
        lambda found: r"\allowbreak{}".join(PIECE.findall(found[0])),
        "".join(ESCAPES.get(sign, sign) for sign in " ".join(text.split("\n"))),
    )


def latex_document(document: Document, *, figures: str = "figures") -> str:
    """The whole report. `figures`: folder of their PDF files, beside it."""
    parts = [
        PREAMBLE,
        f"\\title{{{escape(document.title)}}}\n\\author{{}}\n\\date{{{escape(document.subtitle)}}}\n",
        "\\begin{document}\n\\maketitle\n",
    ]
    for section in document.sections:
        parts.append(_heading(section))
        parts += [_block(document, block, figures) for block in section.blocks]
    parts.append("\n\\end{document}\n")
    return "".join(parts)


def latex_table(document: Document, table: Table) -> str:
    """One table, for a paper that loads array, booktabs and longtable. Numbered as in the report, by its caption."""
    columns = len(table.columns)
    widths = column_widths(table, LINE_WIDTH, padding=PADDING)
    specification = "".join(
        f">{{\\{'raggedright' if place == 0 or table.is_prose else 'centering'}\\arraybackslash}}"
        f"p{{\\dimexpr {width / sum(widths):.4f}\\dimexpr\\linewidth+2\\tabcolsep\\relax-2\\tabcolsep\\relax}}"
        for place, width in enumerate(widths)
    )
    head = " & ".join(f"\\textbf{{{escape(name)}}}" for name in table.columns)
    number = document.label(table).split()[-1]
    lines = [
        f"\n% {document.label(table)}",
        f"{{\\footnotesize\\setcounter{{table}}{{{int(number) - 1}}}",
        f"\\begin{{longtable}}{{@{{}}{specification}@{{}}}}",
        f"\\caption{{{escape(table.title)}}}\\label{{tab:{table.key}}}\\\\",
        "\\toprule",
        f"{head} \\\\",
        "\\midrule",
        "\\endfirsthead",
        "\\toprule",
        f"{head} \\\\",
        "\\midrule",
        "\\endhead",
        "\\bottomrule",
        "\\endlastfoot",
    ]
    previous = "group"
    for row in table.rows:
        if previous != "group" and row.kind not in ("plain", previous):
            lines.append("\\addlinespace")
        previous = row.kind
        if row.kind == "group":
            lines.append(f"\\multicolumn{{{columns}}}{{@{{}}l}}{{\\textit{{{escape(row.cells[0])}}}}} \\\\*")
        else:
            lines.append(" & ".join(_cell(cell) for cell in row.cells) + " \\\\")
    lines += ["\\end{longtable}", *(f"{escape(note)}\\par" for note in table.notes), "}\n"]
    return "\n".join(lines)


def _cell(text: str) -> str:
    """An interval is not broken at its dash."""
    return RANGE.sub(r"\\mbox{--}", escape(text))


def _heading(section: Section) -> str:
    lines = 10 if isinstance(section.blocks[0], Table) else 4
    return f"\n\\needroom{{{lines}\\baselineskip}}\n\\section*{{{escape(section.title)}}}\n"


def _block(document: Document, block: Block, figures: str) -> str:
    if isinstance(block, Paragraph):
        return f"{escape(block.text)}\n\n"
    if isinstance(block, Listing):
        kind = "enumerate" if block.is_numbered else "itemize"
        items = "".join(f"  \\item {escape(item)}\n" for item in block.items)
        return f"\\begin{{{kind}}}\n{items}\\end{{{kind}}}\n"
    if isinstance(block, Table):
        return latex_table(document, block)
    return _figure(document, block, figures)


def _figure(document: Document, figure: Figure, folder: str) -> str:
    notes = "".join(f" {escape(note)}" for note in figure.notes)
    share = min(1, 72 * figure.size[0] / LINE_WIDTH)  # as drawn: letters are of the same size in all figures
    alt = " ".join(figure.alt.split()).replace("%", " per cent")
    return (
        f"\n% {document.label(figure)}: {alt}\n\\begin{{figure}}[H]\n\\centering\n"
        f"\\includegraphics[width={share:.4g}\\linewidth]{{{folder}/{figure.key}.pdf}}\n"
        f"\\caption{{{escape(figure.title)}.{notes}}}\\label{{fig:{figure.key}}}\n\\end{{figure}}\n\n"
    )
