"""Looks the locked packages up among known vulnerabilities: `python -m tests.audit` (or `make audit`).

Asks the package index through pip-audit. A vulnerability that requirements/audit-exceptions.txt does not name fails;
that nobody could be asked does not, and is said: a machine without a network must still be able to run the checks.
"""

import datetime
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements" / "dev.lock"
EXCEPTIONS = ROOT / "requirements" / "audit-exceptions.txt"
PATIENCE_S = 300


@dataclass(frozen=True)
class Verdict:
    failed: bool
    words: str


def read_exceptions(text: str, *, today: datetime.date) -> set[str]:
    """Identifiers that are passed over today. Raises ValueError for a line without a date or a reason."""
    found = set()
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        parts = re.fullmatch(r"(\S+) (\d{4}-\d\d-\d\d) (\S.*)", line.strip())
        if parts is None:
            raise ValueError(f"{EXCEPTIONS.name}: “{line}” is not identifier, date (YYYY-MM-DD) and reason")
        if datetime.date.fromisoformat(parts[2]) >= today:
            found.add(parts[1])
    return found


def judge(dependencies: Iterable[dict[str, Any]], *, excepted: set[str]) -> Verdict:
    """`dependencies`: as pip-audit reports them, with `vulns` of those that it could look up."""
    asked = [one for one in dependencies if "vulns" in one]
    skipped = [one["name"] for one in dependencies if "vulns" not in one]
    if not asked:
        return Verdict(False, "NOT AUDITED: the index of vulnerabilities knows no package, or is out of reach.")
    found = [
        f"{one['name']} {one['version']}: {vulnerability['id']} (mended in {', '.join(vulnerability['fix_versions'])})"
        for one in asked
        for vulnerability in one["vulns"]
        if not excepted & {vulnerability["id"], *vulnerability.get("aliases", ())}
    ]
    words = f"{len(asked)} packages audited" + (f", not found there: {', '.join(skipped)}" if skipped else "")
    return Verdict(bool(found), "\n".join([*found, words]))


OUT_OF_REACH = Verdict(False, "NOT AUDITED: the index of vulnerabilities cannot be reached from here.")
_NETWORK = re.compile(r"ConnectionError|ProxyError|Timeout|SSLError|NameResolution|Max retries|ServiceError|HTTPError")


def judge_run(output: str, errors: str, *, excepted: set[str]) -> Verdict:
    """What pip-audit said. That it ended for a reason other than the network is a failure."""
    try:
        dependencies = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        return OUT_OF_REACH if _NETWORK.search(errors) else Verdict(True, f"pip-audit failed:\n{errors[-2000:]}")
    return judge(dependencies, excepted=excepted)


def main() -> int:
    excepted = read_exceptions(EXCEPTIONS.read_text(encoding="utf-8"), today=datetime.date.today())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pinned:
        pinned.write("\n".join(re.findall(r"^[\w.-]+==[^\\\n]+", LOCK.read_text(encoding="utf-8"), re.MULTILINE)))
        pinned.flush()
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--no-deps", "--format", "json"]
        try:
            run = subprocess.run(
                [*command, "--progress-spinner", "off", "-r", pinned.name],
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            verdict = OUT_OF_REACH
        else:
            verdict = judge_run(run.stdout, run.stderr, excepted=excepted)
    sys.stdout.write(f"{verdict.words}\n")
    return int(verdict.failed)


if __name__ == "__main__":
    sys.exit(main())
