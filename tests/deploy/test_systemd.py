"""The systemd units are understood by systemd, and shut in."""

import re
import shutil
import subprocess

import pytest

from config.environment import BASE_DIR

FOLDER = BASE_DIR / "deploy" / "systemd"
UNITS = sorted(path.name for path in FOLDER.iterdir())
SERVICES = [name for name in UNITS if name.endswith(".service")]
NEEDS_SYSTEMD = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Linux)")


@NEEDS_SYSTEMD
def test_systemd_understands_all_units(tmp_path):
    """With programs and files of this machine in place of those of an installation."""
    for name in UNITS:
        text = (FOLDER / name).read_text()
        text = re.sub(r"/opt/turing-reader/.venv/bin/\w+|/bin/kill", "/bin/true", text)
        text = text.replace("WorkingDirectory=/opt/turing-reader", "WorkingDirectory=/")
        text = re.sub(r"^(Documentation|Group|SocketGroup)=.*\n", "", text, flags=re.MULTILINE)
        (tmp_path / name.replace("@", "@gpu")).write_text(text)

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(path) for path in sorted(tmp_path.iterdir()))],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    said = [line for line in done.stderr.splitlines() if "turing-reader" in line]
    assert (done.returncode, said) == (0, []), done.stderr


@NEEDS_SYSTEMD
@pytest.mark.parametrize("name", SERVICES)
def test_services_are_shut_in(name, tmp_path):
    unit = tmp_path / name.replace("@", "@gpu")
    shutil.copy(FOLDER / name, unit)

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd cannot judge a file")

    assert done.returncode == 0, f"exposed more than 2.5 of 10:\n{done.stdout[-300:]}"


@pytest.mark.parametrize("name", SERVICES)
def test_services_keep_what_the_guide_promises(name):
    lines = (FOLDER / name).read_text().splitlines()

    assert {"User=turing", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)
    for program in (line for line in lines if line.startswith("ExecStart")):
        command = re.search(r"manage.py (\w+)", program)
        if command and command[1] not in ("migrate", "collectstatic", "clearsessions"):
            found = list(BASE_DIR.glob(f"*/management/commands/{command[1]}.py"))
            found += BASE_DIR.glob(f"*/*/management/commands/{command[1]}.py")
            assert found, f"there is no manage.py {command[1]}"


def test_every_timer_has_its_service():
    timers = [name for name in UNITS if name.endswith(".timer")]
    assert timers == ["turing-reader-backup.timer", "turing-reader-tidy.timer"]
    assert all(name.replace(".timer", ".service") in SERVICES for name in timers)
