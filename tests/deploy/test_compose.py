"""The compose file: everything it refers to is there, and it keeps what the guide promises."""

import os
import re
import shutil
import subprocess
from dataclasses import fields

import pytest
import yaml

from config.environment import BASE_DIR, SECRETS, Environment

FOLDER = BASE_DIR / "deploy"
NAMES = {field.name.upper() for field in fields(Environment)} | set(SECRETS) | {f"{name}_FILE" for name in SECRETS}
SITE = ("prepare", "web", "worker-light", "worker-cpu", "worker-gpu")


@pytest.fixture(scope="module")
def compose() -> dict:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text())


def has_compose() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not has_compose(), reason="needs Docker's compose plugin")
def test_docker_understands_it(tmp_path):
    shutil.copytree(FOLDER, tmp_path / "deploy")
    (tmp_path / "deploy" / "site.env").write_text((FOLDER / "site.env.example").read_text())
    done = subprocess.run(
        ["docker", "compose", "-f", "compose.yaml", "--profile", "gpu", "config", "--quiet"],
        cwd=tmp_path / "deploy",
        env=os.environ | {"TR_SERVER_NAME": "reader.example.org"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_reference_is_defined(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, condition in service.get("depends_on", {}).items():
            assert other in services, name
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in services[other], (name, other)
        assert set(service.get("secrets", [])) <= set(compose["secrets"]), name
        assert set(service.get("networks", [])) <= set(compose["networks"]), name
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (FOLDER / source).exists(), (name, volume)
        read = {path.partition("/run/secrets/")[2] for path in re.findall(r"/run/secrets/\w+", str(service))}
        assert read <= set(service.get("secrets", [])), f"{name} reads secrets that it is not given"
        if "build" in service:
            assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_every_name_in_the_environment_is_one_that_the_site_reads(compose):
    example = (FOLDER / "site.env.example").read_text().splitlines()
    named = {line.partition("=")[0] for line in example if line and not line.startswith("#")}
    for name in SITE:
        named |= set(compose["services"][name]["environment"])

    assert named <= NAMES
    template = (FOLDER / "nginx/templates/turing-reader.conf.template").read_text()
    given = {name for name in compose["services"]["nginx"]["environment"] if name.startswith("TR_")}
    assert set(re.findall(r"\$\{(TR_\w+)\}", template)) == given


def test_nobody_is_root_and_only_nginx_is_reached(compose):
    for name, service in compose["services"].items():
        assert not re.match(r"(0|root)\b", service["user"]), name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert "memory" in service["deploy"]["resources"]["limits"], name
        assert ("ports" in service) == (name == "nginx"), name
        assert re.search(r":\d+\.\d+[\w.-]*$", service["image"]), f"{name}: {service['image']} has no fixed version"
        assert not [
            key
            for key in service.get("environment", {})
            if re.search(r"(PASSWORD|KEY|TOKEN)$", key)
            and not str(service["environment"][key]).startswith("/run/secrets/")
        ], name
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("postgres", "broker"):
        assert compose["services"][name]["networks"] == ["inside"]


def test_every_queue_has_a_worker(compose):
    from worker.models import Job

    commands = [compose["services"][name].get("command", []) for name in SITE]
    served = {command[command.index("--queues") + 1] for command in commands if "--queues" in command}
    assert served == set(Job.Queue.values)


def test_the_image_is_built_from_locked_parts_without_root_or_secrets():
    text = (FOLDER / "Dockerfile").read_text()
    stages = text.split("\nFROM ")

    assert len(stages) == 3, "what builds is not in what runs"
    assert "--require-hashes" in text
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["turing"]
    copied = {line.split()[1] for line in text.splitlines() if line.startswith("COPY ") and "--from" not in line}
    kept = {line[1:] for line in (BASE_DIR / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"manage.py", "requirements", "static"} <= copied <= kept
    assert all((BASE_DIR / name).exists() for name in kept)
    packages = {path.parent.name for path in BASE_DIR.glob("*/__init__.py")} - {"tests"}
    assert packages <= copied, "a package of the site is missing in the image"
