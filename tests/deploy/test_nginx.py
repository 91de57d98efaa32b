"""A real nginx with the configuration that is handed out, before a real gunicorn: sign-in, files, uploads, attacks."""

import datetime
import http.client
import ipaddress
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.urls import reverse

from config.accounts.models import User
from config.environment import BASE_DIR
from imaging.storage import store_pixels
from tests.factories import ImageFactory, UserFactory
from tests.worker.site import database_url, wait_until
from worker.execution.tether import tethered

pytestmark = [
    pytest.mark.faults,  # real processes, beside each other in one file
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(shutil.which("nginx") is None, reason="needs nginx (Debian: nginx-light)"),
]
NAME, PASSWORD = "localhost", "a long enough passphrase"
MAIN = """daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log info; worker_processes 1; {user}
events {{}}
http {{ types {{}} default_type application/octet-stream; access_log off;
client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi; include {folder}/site.conf; }}
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "site.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "site.key").write_bytes(pem)


class Front:
    """nginx and gunicorn on loopback, as in production but for ports and paths."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.http, self.https = free_port(), free_port()
        self.media = folder / "data" / "media"
        self.processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        return f"https://{NAME}:{self.https}"

    def start(self) -> None:
        make_certificate(self.folder)
        values = {
            "TR_SERVER_NAME": NAME,
            "TR_UPSTREAM": f"http://unix:{self.folder}/web.sock:",
            "TR_MEDIA": str(self.media),
            "TR_ACCEL_PREFIX": "/protected/",
            "TR_CERTIFICATE": str(self.folder / "site.pem"),
            "TR_CERTIFICATE_KEY": str(self.folder / "site.key"),
            "TR_HTTP": f"127.0.0.1:{self.http}",
            "TR_HTTPS": f"127.0.0.1:{self.https}",
        }
        template = (BASE_DIR / "deploy/nginx/templates/turing-reader.conf.template").read_text()
        (self.folder / "site.conf").write_text(re.sub(r"\$\{(TR_\w+)\}", lambda found: values[found[1]], template))
        user = "user root;" if os.geteuid() == 0 else ""  # the files of this test are its own
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, user=user))
        environment = {
            **os.environ,
            "DATABASE_URL": database_url(),
            "DATA_DIR": str(self.folder / "data"),
            "HTTPS": "true",
            "PROXY": "true",
            "ACCEL_PREFIX": "/protected/",
            "ALLOWED_HOSTS": f"{NAME},reader.example.org",
        }
        bind = f"unix:{self.folder}/web.sock"
        self.run([sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", bind, "--threads", "4"], environment)
        self.run(["nginx", "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")], dict(os.environ))

    def run(self, command: list[str], environment: dict[str, str]) -> None:
        with (self.folder / "output.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(tethered(command), cwd=BASE_DIR, env=environment, stdout=log, stderr=log)
            )

    def is_up(self) -> bool:
        try:
            return self.session().get(f"{self.address}/livez", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.folder / "site.pem")
        return session

    def signed_in(self, user: User) -> requests.Session:
        session = self.session()
        page = session.get(f"{self.address}/accounts/login/", timeout=30)
        form = {"login": user.username, "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
        done = session.post(page.url, form, headers={"Referer": page.url}, timeout=30, allow_redirects=False)
        assert done.status_code == 302, done.text[:2000]
        return session

    def raw(self, text: str) -> bytes:
        """What is sent back for a request that no library would send."""
        context = ssl.create_default_context(cafile=str(self.folder / "site.pem"))
        with (
            socket.create_connection(("127.0.0.1", self.https), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=NAME) as connection,
        ):
            connection.sendall(text.encode())
            answer = b""
            while part := connection.recv(65536):
                answer += part
            return answer

    def close(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(timeout=20)
            finally:
                process.kill()


@pytest.fixture(scope="module")
def front(django_db_setup, django_db_blocker, tmp_path_factory):
    with django_db_blocker.unblock():
        front = Front(tmp_path_factory.mktemp("front"))
        try:
            front.start()
            wait_until(front.is_up, 60, "nginx and gunicorn answer")
            yield front
        finally:
            front.close()


@pytest.fixture
def person(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]  # one that the site knows
    user = UserFactory(role=User.Role.ADMINISTRATOR)
    user.set_password(PASSWORD)
    user.save()
    return user


def test_an_image_is_sent_by_nginx_and_only_after_the_site_agreed(front, person, settings):
    settings.MEDIA_ROOT = front.media
    pixels = store_pixels(np.arange(64 * 64, dtype=np.uint16).reshape(64, 64))
    image = ImageFactory(pixel_sha256=pixels.sha256, width=64, height=64, bit_depth=16)
    address = front.address + reverse("imaging:image_original", args=[image.pk])
    stored = next(path for path in front.media.rglob("*.png") if pixels.sha256 in path.name)
    inside = f"{front.address}/protected/{stored.relative_to(front.media)}"

    answer = front.signed_in(person).get(address, timeout=30)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/png")
    assert answer.content == stored.read_bytes()
    assert answer.headers["Server"] == "nginx"
    assert {"ETag", "Last-Modified", "X-Accel-Redirect"} & set(answer.headers) == set()
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert answer.headers["Cache-Control"].startswith("private")
    # nginx has sent it, not gunicorn: only nginx knows parts of a file
    part = front.signed_in(person).get(address, headers={"Range": "bytes=1-3"}, timeout=30)
    assert (part.status_code, part.content) == (206, b"PNG")
    # nobody gets it without the site
    assert front.session().get(address, timeout=30, allow_redirects=False).status_code == 302
    for path in (inside, f"{front.address}/protected/../protected/{stored.name}", f"{front.address}/protected/"):
        assert front.signed_in(person).get(path, timeout=30).status_code == 404
    injected = front.signed_in(person).get(
        f"{front.address}/accounts/login/", headers={"X-Accel-Redirect": "/protected/x"}, timeout=30
    )
    assert injected.status_code in (200, 302)


def test_what_a_client_says_about_itself_is_not_believed(front):
    headers = {"X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"}

    answer = front.session().get(f"{front.address}/", headers=headers, timeout=30, allow_redirects=False)

    assert answer.status_code == 302
    assert "evil" not in answer.headers["Location"]
    # as plain HTTP the site itself would redirect to https first, to the same address
    assert answer.headers["Location"].startswith(("/accounts/login/", f"{front.address}/accounts/login/"))


def test_other_names_and_plain_http(front):
    wrong = front.raw("GET / HTTP/1.1\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n")
    assert wrong == b""
    two = front.raw(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n")
    assert b" 400 " in two.splitlines()[0]
    split = front.raw(f"GET /%0d%0aSet-Cookie:x=1 HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n")
    assert b"\nSet-Cookie:x=1" not in split

    plain = http.client.HTTPConnection("127.0.0.1", front.http, timeout=10)
    plain.request("GET", "/images/?a=1", headers={"Host": NAME})
    answer = plain.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, f"https://{NAME}/images/?a=1")
    plain.close()

    context = ssl.create_default_context(cafile=str(front.folder / "site.pem"))
    with (
        socket.create_connection(("127.0.0.1", front.https), timeout=10) as connection,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(connection, server_hostname="evil.example.org")


def test_a_big_upload_arrives_in_parts(front, person):
    session = front.signed_in(person)
    data = np.random.default_rng(8).bytes(17 * 2**20)
    token = {"X-CSRFToken": session.cookies["csrftoken"], "Referer": front.address + "/"}
    begin = front.address + reverse("imaging:upload_begin")

    begun = session.post(begin, {"name": "big.zip", "key": "big", "size": len(data)}, headers=token, timeout=60)
    assert begun.status_code in (200, 201), begun.text[:2000]
    upload = begun.json()
    sent = 0
    while sent < len(data):
        part = data[sent : sent + upload["part_bytes"]]
        address = f"{begin}{upload['id']}/part/?offset={sent}&crc32={zlib.crc32(part)}"
        answer = session.post(address, part, headers={**token, "Content-Type": "application/octet-stream"}, timeout=60)
        assert answer.status_code == 200, answer.text[:2000]
        assert answer.json()["received"] > sent
        sent = answer.json()["received"]
    assert sent == len(data)

    too_big = session.post(f"{begin}{upload['id']}/part/?offset=0", bytes(11 * 2**20), headers=token, timeout=60)
    assert too_big.status_code == 413
