"""What the source must not hold: ways to run what was sent, queries made of text, endless searches."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from turing.reading.markdown import render_markdown

ROOT = Path(__file__).parents[2]
PACKAGES = ("config", "turing", "imaging", "generation", "classification", "worker")
PICKLES = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
MAY_NAME_PICKLE = {"generation/gan/checkpoint.py", "classification/cnn/checkpoint.py"}  # its error alone


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_the_search_sees_the_program():
    assert len(sources()) > 300


def test_nothing_unpickles():
    """torch.load only with weights_only=True, numpy.load never with pickles, no other unpickler."""
    found, loads = [], 0
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if PICKLES & {module.split(".")[0] for module in modules} and name not in MAY_NAME_PICKLE:
                found.append((name, modules))
        for function, call in calls(path):
            given = {word.arg: word.value for word in call.keywords}
            if function == "torch.load":
                loads += 1
                if ast.unparse(given.get("weights_only", ast.Constant(None))) != "True":
                    found.append((name, "torch.load"))
            if function in ("np.load", "numpy.load"):
                loads += 1
                if ast.unparse(given.get("allow_pickle", ast.Constant(False))) != "False":
                    found.append((name, "np.load"))
            if function.split(".")[0] in PICKLES or function.endswith(
                (".read_pickle", "yaml.load", "yaml.unsafe_load")
            ):
                found.append((name, function))

    assert found == []
    assert loads > 8


def test_nothing_runs_text():
    """No eval, no exec, no shell, no template that is made of what was sent."""
    forbidden = {"eval", "exec", "compile", "os.system", "os.popen", "Template", "template.Template", "Engine"}
    found = []
    for path in sources():
        for function, call in calls(path):
            shell = any(word.arg == "shell" and ast.unparse(word.value) != "False" for word in call.keywords)
            if function in forbidden or shell:
                found.append((path.relative_to(ROOT).as_posix(), function))

    assert found == []


def test_no_query_is_built_of_text():
    """The ORM's parameters alone; SQL that stands by itself is written out, or made of what is ours."""
    found = []
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        if "/migrations/" in name:
            continue
        for function, call in calls(path):
            is_raw = function.split(".")[-1] in ("raw", "extra", "RawSQL")
            is_built = function.endswith((".execute", ".executemany")) and isinstance(
                call.args[0] if call.args else None, ast.JoinedStr | ast.BinOp
            )
            if is_raw or is_built:
                found.append((name, ast.unparse(call)[:100]))

    assert {name for name, _ in found} == MAY_BUILD_SQL, found


# a pragma with a number of ours, the ORM's own text inside another query, the number of a lock
MAY_BUILD_SQL = {"turing/reading/views.py", "imaging/selectors.py", "imaging/services.py"}


def test_templates_escape():
    """No template switches escaping off, and Python marks as safe only what two renderers made, which escape."""
    switched_off = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "templates").rglob("*.html")
        if re.search(r"\|\s*safe\b|autoescape\s+off|safeseq", path.read_text(encoding="utf-8"))
    ]
    marked = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        for function, _ in calls(path)
        if function.split(".")[-1] in ("mark_safe", "SafeString")
    }

    assert switched_off == []
    assert marked == {"turing/reading/markdown.py", "turing/reports/views.py"}


def test_scripts_write_no_html():
    """What comes from the server goes into pages as text."""
    dangerous = re.compile(
        r"\.(inner|outer)HTML\b|insertAdjacentHTML|document\.write|\beval\(|new Function|setTimeout\(\s*[\"'`]"
    )
    scripts = list((ROOT / "static" / "js").rglob("*.js"))

    assert [path.name for path in scripts if dangerous.search(path.read_text(encoding="utf-8"))] == []
    assert len(scripts) > 20


REPEATED = ["a", "1", " ", "-", "_", ".", ",", ";", "1.", "1,", "a ", "–", "\\", "(", "1-", "aA0", "\n", "é", "12:"]


def test_no_regular_expression_takes_for_ever():
    """Each one of ours, searching long texts that repeat what such expressions stumble over.

    All of it in a child: one that backtracks without end is ended from outside, not waited for.
    """
    import multiprocessing

    patterns = sorted({(path.name, *found) for path in sources() for found in _patterns(path)})
    context = multiprocessing.get_context("spawn")
    done = context.Value("i", 0)
    child = context.Process(target=_search_all, args=(patterns, done))
    child.start()
    child.join(60)
    if child.is_alive():
        child.kill()
        child.join()

    assert len(patterns) > 30
    assert done.value == len(patterns), f"this one does not end: {patterns[min(done.value, len(patterns) - 1)]}"


def _patterns(path: Path) -> Iterator[tuple[str, int]]:
    for function, call in calls(path):
        first = call.args[0] if call.args else None
        if function.startswith("re.") and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value, re.IGNORECASE if "IGNORECASE" in ast.unparse(call) else 0


def _search_all(patterns: list, done) -> None:
    for _, pattern, flags in patterns:
        compiled = re.compile(pattern, flags)
        for piece in REPEATED:
            text = piece * (4_000 // len(piece))
            for hostile in (text, f"{text}!", f"x{text}\x00"):
                compiled.search(hostile)
                compiled.fullmatch(hostile)
        done.value += 1


HOSTILE_MARKDOWN = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    '[x](https://a.example/"onmouseover="alert(1))',
    '[x](https://a.example "t\\" onmouseover=\\"alert(1)")',
    '<https://a.example/"><script>alert(1)</script>>',
    "<javascript:alert(1)>",
    "![x](https://tracker.example/pixel.png)",
    "[r]: javascript:alert(1)\n\n[r]",
    "```<script>\nalert(1)\n```",
    '~~~"><script>alert(1)</script>\nx\n~~~',
    "| a |\n|---|\n| <svg onload=alert(1)> |",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!-- --><iframe src=javascript:alert(1)>",
]


@pytest.mark.parametrize("text", HOSTILE_MARKDOWN, ids=range(len(HOSTILE_MARKDOWN)))
def test_markdown_makes_nothing_that_runs(text):
    from html.parser import HTMLParser

    tags: list[tuple[str, dict]] = []

    class Collector(HTMLParser):
        def handle_starttag(self, tag, attrs):
            tags.append((tag, dict(attrs)))

    Collector().feed(render_markdown(text))

    allowed = {"p", "a", "code", "pre", "table", "thead", "tbody", "tr", "th", "td", "em", "strong", "h2", "ul", "li"}
    assert {tag for tag, _ in tags} <= allowed
    for _, attributes in tags:
        assert set(attributes) <= {"href", "title", "class", "style"}
        assert re.match(r"(https?|mailto):|[^:]*$", attributes.get("href") or "")


def test_markdown_of_a_hundred_thousand_signs_ends():
    """Nested and unclosed marks, at which careless parsers never end."""
    for piece in ("*", "[", "`", ">", "<", "![", "**a", "_a_", "[a](", "- ", "|"):
        assert render_markdown(piece * (20_000 // len(piece)))
