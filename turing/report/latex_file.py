"""The report as LaTeX: booktabs tables that break over pages, figures as PDF files beside it. For pdfLaTeX, XeLaTeX and
LuaLaTeX; names in other scripts than Latin and Greek letters need one of the last two.
"""

from turing.report.document import Block, Document, Figure, Listing, Paragraph, Table
from turing.report.pdf_file import column_shares

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
\usepackage{array,booktabs,longtable,graphicx}
\usepackage[hidelinks]{hyperref}
\setlength{\tabcolsep}{3pt}
\setlength{\LTleft}{0pt}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
"""


def escape(text: str) -> str:
    """Text as LaTeX prints it. Line breaks become spaces."""
    return "".join(ESCAPES.get(sign, sign) for sign in " ".join(text.split("\n")))


def latex_document(document: Document, *, figures: str = "figures") -> str:
    """The whole report. `figures`: folder of their PDF files, beside it."""
    parts = [
        PREAMBLE,
        f"\\title{{{escape(document.title)}}}\n\\author{{}}\n\\date{{{escape(document.subtitle)}}}\n",
        "\\begin{document}\n\\maketitle\n",
    ]
    for section in document.sections:
        parts.append(f"\n\\section*{{{escape(section.title)}}}\n")
        parts += [_block(document, block, figures) for block in section.blocks]
    parts.append("\n\\end{document}\n")
    return "".join(parts)


def latex_table(document: Document, table: Table) -> str:
    """One table, for a paper that loads array, booktabs and longtable. Numbered as in the report, by its caption."""
    columns = len(table.columns)
    specification = "".join(
        f">{{\\{'raggedright' if place == 0 or table.is_prose else 'centering'}\\arraybackslash}}"
        f"p{{\\dimexpr {share:.4f}\\linewidth-2\\tabcolsep\\relax}}"
        for place, share in enumerate(column_shares(table))
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
    for row in table.rows:
        if row.kind == "group":
            lines.append(f"\\multicolumn{{{columns}}}{{@{{}}l}}{{\\textit{{{escape(row.cells[0])}}}}} \\\\*")
        else:
            if row.kind == "total":
                lines.append("\\addlinespace")
            lines.append(" & ".join(escape(cell) for cell in row.cells) + " \\\\")
    lines += ["\\end{longtable}", *(f"{escape(note)}\\par" for note in table.notes), "}\n"]
    return "\n".join(lines)


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
    alt = " ".join(figure.alt.split()).replace("%", " per cent")
    return (
        f"\n% {document.label(figure)}: {alt}\n\\begin{{figure}}[htbp]\n\\centering\n"
        f"\\includegraphics[width=\\linewidth]{{{folder}/{figure.key}.pdf}}\n"
        f"\\caption{{{escape(figure.title)}.{notes}}}\\label{{fig:{figure.key}}}\n\\end{{figure}}\n\n"
    )
