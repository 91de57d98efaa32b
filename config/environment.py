"""Reads and checks the environment once. Settings take their values from here and from nowhere else."""

import hashlib
import os
import re
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
SHORTEST_TOKEN = 16


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Everything an installation can set from outside. Each field is one environment variable in capitals."""

    data_dir: Path  # all files and, by default, the database
    debug: bool
    secret_key: str
    allowed_hosts: list[str]
    trusted_origins: list[str]
    database_url: str
    redis_url: str
    https: bool  # served behind TLS: secure cookies, HSTS
    proxy: int  # how many proxies are in front, each adding to X-Forwarded-For; the outermost sets X-Forwarded-Proto
    require_mfa: str  # investigators: they and administrators need a second factor; none
    oidc_second_factor: bool  # the hospital's sign-in asks for one itself
    static_manifest: bool  # hashed static file names (needs collectstatic)
    email_url: str  # e.g. smtp+tls://user:password@mail.example.org:587; default: e-mails are written to the log
    email_from: str
    time_zone: str
    site_name: str
    max_upload_mb: int
    import_folders: list[str]  # folders on the server below which administrators may import without an upload
    dicomweb_url: str  # of a PACS from which administrators may import: https://pacs.example.org/dicom-web
    dicomweb_user: str
    dicomweb_password: str
    dicomweb_token: str  # instead of user and password
    dicomweb_ca_bundle: str  # certificates to trust, where the hospital signs its own
    metrics_token: str  # who sends it may read /metrics from anywhere; without it only this machine may
    log_format: str  # "plain" for people, "json" for a system that collects logs
    min_free_gb: float  # below this much free disk no job starts and no upload is taken; 0: no limit
    postgres_tools: str  # folder with pg_dump and pg_restore of the server's major version; "": they are looked for
    extra_apps: list[str]  # further Django apps of an installation (they may bring job kinds)


def read_environment() -> Environment:
    """Environment from `os.environ` and an optional `.env` file beside manage.py.

    Raises ImproperlyConfigured, naming the variable, when a value cannot be used.
    """
    env = environ.Env()
    environ.Env.read_env(BASE_DIR / ".env")
    try:
        data_dir = Path(env.str("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
        data_dir.mkdir(parents=True, exist_ok=True)
        return Environment(
            data_dir=data_dir,
            debug=env.bool("DEBUG", False),
            secret_key=env.str("SECRET_KEY", "") or _kept_secret(data_dir / "secrets" / "secret_key"),
            allowed_hosts=env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
            trusted_origins=env.list("TRUSTED_ORIGINS", default=[]),
            database_url=env.str("DATABASE_URL", "") or f"sqlite:///{quote(str(data_dir / 'db.sqlite3'))}",
            redis_url=env.str("REDIS_URL", "") or f"redis+socket://{embedded_broker_socket(data_dir)}",
            https=env.bool("HTTPS", False),
            proxy=_number_of_proxies(env.str("PROXY", "false")),
            require_mfa=_one_of("REQUIRE_MFA", env.str("REQUIRE_MFA", "none"), ("investigators", "none")),
            oidc_second_factor=env.bool("OIDC_SECOND_FACTOR", False),
            static_manifest=env.bool("STATIC_MANIFEST", True),
            email_url=env.str("EMAIL_URL", "consolemail://"),
            email_from=env.str("EMAIL_FROM", "turing-reader@localhost"),
            time_zone=env.str("TIME_ZONE", "UTC"),
            site_name=env.str("SITE_NAME", "Turing Reader"),
            max_upload_mb=env.int("MAX_UPLOAD_MB", 4096),
            import_folders=env.list("IMPORT_FOLDERS", default=[]),
            dicomweb_url=env.str("DICOMWEB_URL", ""),
            dicomweb_user=env.str("DICOMWEB_USER", ""),
            dicomweb_password=env.str("DICOMWEB_PASSWORD", ""),
            dicomweb_token=env.str("DICOMWEB_TOKEN", ""),
            dicomweb_ca_bundle=env.str("DICOMWEB_CA_BUNDLE", ""),
            metrics_token=_long_enough("METRICS_TOKEN", env.str("METRICS_TOKEN", "")),
            log_format=_one_of("LOG_FORMAT", env.str("LOG_FORMAT", "plain"), ("plain", "json")),
            min_free_gb=_not_negative("MIN_FREE_GB", env.float("MIN_FREE_GB", 5.0)),
            postgres_tools=env.str("POSTGRES_TOOLS", ""),
            extra_apps=env.list("EXTRA_APPS", default=[]),
        )
    except (ValueError, environ.ImproperlyConfigured) as error:
        raise ImproperlyConfigured(f"Environment: {error}") from error
    except OSError as error:
        raise ImproperlyConfigured(f"DATA_DIR: cannot be written: {error}") from error


def _number_of_proxies(text: str) -> int:
    """`false` is none and `true` is one."""
    named = {"": 0, "false": 0, "no": 0, "off": 0, "true": 1, "yes": 1, "on": 1}.get(text.strip().lower())
    if named is not None:
        return named
    if text.isdecimal() and int(text) <= 10:
        return int(text)
    raise ValueError(f"PROXY={text!r}: give true, false, or the number of proxies in front, 0 to 10")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{name}={value!r}: give one of {', '.join(allowed)}")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; it must be one of {', '.join(allowed)}")
    return value


def _long_enough(name: str, value: str) -> str:
    if value and len(value) < SHORTEST_TOKEN:
        raise ValueError(f"{name} has {len(value)} characters; a secret needs at least {SHORTEST_TOKEN}")
    return value


def _not_negative(name: str, value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"{name} is {value:g}; it must be 0 or more")
    return value


def _kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use and readable by the owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_urlsafe(64))
        try:
            os.link(temporary, path)  # fails when another process was first: its secret stands
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_text().strip()


def embedded_broker_socket(data_dir: Path) -> Path:
    """Where the broker that `serve` starts listens when REDIS_URL is not set.

    It follows from DATA_DIR alone, so every command on the same data finds the same broker. A Unix socket's path has a
    limit (104 bytes on macOS, 108 on Linux) and goes into a URL: under a long or unusual DATA_DIR the socket lies in a
    private temporary directory.
    """
    path = data_dir / "run" / "broker.sock"
    if re.fullmatch(r"[A-Za-z0-9._/-]{1,100}", str(path)):
        return path
    key = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"turing-reader-{os.getuid()}-{key}" / "broker.sock"
