"""What we build on: no known vulnerability passes unseen, no licence that would bind the whole program."""

import datetime
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest

from tests.audit import EXCEPTIONS, ROOT, judge, judge_run, read_exceptions

TODAY = datetime.date(2026, 11, 22)
BAD = {
    "name": "jinja2", "version": "2.11.2",
    "vulns": [{"id": "PYSEC-2021-66", "aliases": ["CVE-2020-28493"], "fix_versions": ["2.11.3"]}],
}  # fmt: skip
GOOD = {"name": "django", "version": "5.2", "vulns": []}
UNKNOWN = {"name": "jinja2", "skip_reason": "Dependency not found on PyPI"}


def test_a_known_vulnerability_fails():
    verdict = judge([GOOD, BAD], excepted=set())

    assert verdict.failed
    assert "jinja2 2.11.2: PYSEC-2021-66 (mended in 2.11.3)" in verdict.words


@pytest.mark.parametrize("name", ["PYSEC-2021-66", "CVE-2020-28493"])
def test_an_exception_passes_until_its_day(name):
    line = f"{name} 2026-12-01 only in a template that we write ourselves"

    assert not judge([BAD], excepted=read_exceptions(line, today=TODAY)).failed
    assert judge([BAD], excepted=read_exceptions(line, today=datetime.date(2026, 12, 2))).failed


@pytest.mark.parametrize("line", ["CVE-2020-1", "CVE-2020-1 soon because", "CVE-2020-1 2026-12-01"])
def test_no_exception_without_a_day_and_a_reason(line):
    with pytest.raises(ValueError, match="is not identifier, date"):
        read_exceptions(line, today=TODAY)


def test_our_own_exceptions_can_be_read():
    read_exceptions(EXCEPTIONS.read_text(encoding="utf-8"), today=TODAY)


def test_that_nobody_was_asked_is_said_and_no_pass_of_the_audit():
    verdict = judge([UNKNOWN], excepted=set())

    assert (verdict.failed, verdict.words.split(":")[0]) == (False, "NOT AUDITED")
    assert "not found there: jinja2" in judge([GOOD, UNKNOWN], excepted=set()).words


def test_an_audit_that_breaks_down_fails_unless_it_was_the_network():
    assert judge_run("", "ERROR: two versions of numpy", excepted=set()).failed
    assert not judge_run("", "requests.exceptions.ConnectionError: Max retries exceeded", excepted=set()).failed


# Licences under which a program may be built on a package and be given away under its own; by what their names hold.
# LGPL: the package stays a package of its own, which anybody may replace (psycopg).
ALLOWED = re.compile(
    r"MIT|BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Zlib|HPND|Unlicense|LGPL|0BSD|BSL-1\.0|NVIDIA|CNRI"
)
COPYLEFT = re.compile(r"(?<!L)(?<!Lesser )\bA?GPL|Affero|(?<!Lesser )General Public License", re.IGNORECASE)
READ_BY_HAND = {  # whose metadata say nothing, or offer a choice
    "axe-playwright-python": "MIT (its LICENSE file)",
    "cuda-toolkit": "NVIDIA's CUDA licence, an empty package that names the others",
    "text-unidecode": "Artistic License, chosen out of the two that it is offered under",
    "djlint": "GPL-3.0: a program that looks at our templates, never shipped and never imported",
}
TOOLS_ONLY = {"djlint", "text-unidecode"}  # these may stand in no lock of what is run


def locked(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
    return set(re.findall(r"^([\w.-]+)==", text, re.MULTILINE))


def licence_of(package: Distribution) -> str:
    about = package.metadata
    named = [one for one in about.get_all("Classifier") or [] if one.startswith("License ::")]
    return about.get("License-Expression") or "; ".join(named) or (about.get("License") or "").strip()[:100]


def test_no_locked_package_binds_us():
    unknown, binding, looked_at = {}, {}, 0
    for name in sorted(locked("dev.lock") | locked("runtime.lock")):
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:  # of another system than this one
            continue
        looked_at += 1
        if name in READ_BY_HAND:
            continue
        if COPYLEFT.search(licence):
            binding[name] = licence
        elif not ALLOWED.search(licence):
            unknown[name] = licence

    assert (binding, unknown) == ({}, {})
    assert looked_at > 100
    assert not TOOLS_ONLY & (locked("runtime.lock") | locked("runtime-cpu.lock"))


def test_the_search_knows_copyleft():
    assert COPYLEFT.search("GPL-3.0-or-later")
    assert COPYLEFT.search("License :: OSI Approved :: GNU Affero General Public License v3")
    assert not COPYLEFT.search("LGPL-3.0-only")
    assert not COPYLEFT.search("GNU Lesser General Public License v3 (LGPLv3)")
