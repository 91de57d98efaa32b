"""Reads and checks the environment once. Settings take their values from here and from nowhere else."""

import hashlib
import os
import re
import secrets
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

from config.soundness import find_problems

ROLES = ("administrator", "investigator", "annotator", "reader")  # of User.Role, which lies above
BASE_DIR = Path(__file__).resolve().parent.parent
SHORTEST_TOKEN = 16

# Also read from the file that <name>_FILE names: how compose and systemd hand secrets over.
SECRETS = (
    "SECRET_KEY",
    "DATABASE_URL",
    "DATABASE_PASSWORD",
    "REDIS_URL",
    "REDIS_PASSWORD",
    "EMAIL_URL",
    "EMAIL_PASSWORD",
    "DICOMWEB_PASSWORD",
    "DICOMWEB_TOKEN",
    "METRICS_TOKEN",
    "OIDC_CLIENT_SECRET",
)


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
    retention_days: int  # until identities of readers, sign-ins and invitations are removed; 0: never
    require_mfa: str  # investigators: they and administrators need a second factor; none
    oidc_issuer: str  # of a server of OpenID Connect: https://login.hospital.example/realms/staff
    oidc_client_id: str
    oidc_client_secret: str
    oidc_name: str  # on the button of the sign-in page
    oidc_role_claim: str  # whose value gives who has no account one: "groups"
    oidc_roles: dict[str, str]  # word of that claim to role: reading-investigators=investigator
    oidc_join_by_email: bool  # somebody with an account's verified address gets this account
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
    accel_prefix: str  # address of an internal location of nginx that is MEDIA_ROOT: /protected/; "": sent by the site
    job_queues: dict[str, str]  # kind -> queue: generation.sample=gpu,imaging.import=import
    metrics_token: str  # who sends it may read /metrics from anywhere; without it only this machine may
    log_format: str  # "plain" for people, "json" for a system that collects logs
    min_free_gb: float  # below this much free disk no job starts and no upload is taken; 0: no limit
    postgres_tools: str  # folder with pg_dump and pg_restore of the server's major version; "": they are looked for
    extra_apps: list[str]  # further Django apps of an installation (they may bring job kinds)


def read_environment() -> Environment:
    """Environment from `os.environ`, an optional `.env` file beside manage.py, and the files of SECRETS.

    Raises ImproperlyConfigured, naming every variable whose value cannot be used.
    """
    environ.Env.read_env(BASE_DIR / ".env")
    env = _Reader()
    try:
        environment = _read(env)
    except (ValueError, environ.ImproperlyConfigured) as error:
        env.problems.append(str(error))
    except OSError as error:
        env.problems.append(f"DATA_DIR: cannot be written: {error}")
    else:
        env.problems += find_problems(environment)
        if not env.problems:
            return environment
    raise ImproperlyConfigured("Environment: " + "\n".join(dict.fromkeys(env.problems)))


class _Reader(environ.Env):
    """Goes on after a value that cannot be used, so that all of them are told at once."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []
        self.ENVIRON = {**os.environ}  # what comes from files is not passed on to other programs
        for name in SECRETS:
            path = self.ENVIRON.get(f"{name}_FILE")
            if not path:
                continue
            if self.ENVIRON.get(name):
                self.problems.append(f"{name}: is set, and {name}_FILE too; leave one of them out.")
            try:
                self.ENVIRON[name] = Path(path).read_text().strip()
            except (OSError, UnicodeDecodeError) as error:
                self.problems.append(f"{name}_FILE: {path} cannot be read: {error}")

    def get_value(self, var: str, cast: Any = None, default: Any = None, parse_default: bool = False) -> Any:
        try:
            return super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except (ValueError, environ.ImproperlyConfigured) as error:
            self.problems.append(f"{var}: {error}")
            return default

    def tried(self, check: Callable[..., Any], *values: Any) -> Any:
        """What `check` makes of the values."""
        try:
            return check(*values)
        except ValueError as error:
            self.problems.append(str(error))
            return None


def _with_password(address: str, password: str) -> str:
    """`address` with the password, where it names none."""
    parts = urlsplit(address)
    if not password or parts.password or not parts.hostname:
        return address
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}").geturl()


def _read(env: _Reader) -> Environment:
    data_dir = Path(env.str("DATA_DIR", str(BASE_DIR / "data"))).expanduser().resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    return Environment(
        data_dir=data_dir,
        debug=env.bool("DEBUG", False),
        secret_key=env.str("SECRET_KEY", "") or _kept_secret(data_dir / "secrets" / "secret_key"),
        allowed_hosts=env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]),
        trusted_origins=env.list("TRUSTED_ORIGINS", default=[]),
        database_url=_with_password(env.str("DATABASE_URL", ""), env.str("DATABASE_PASSWORD", ""))
        or f"sqlite:///{quote(str(data_dir / 'db.sqlite3'))}",
        redis_url=_with_password(env.str("REDIS_URL", ""), env.str("REDIS_PASSWORD", ""))
        or f"redis+socket://{embedded_broker_socket(data_dir)}",
        https=env.bool("HTTPS", False),
        proxy=env.tried(_number_of_proxies, env.str("PROXY", "false")),
        retention_days=env.tried(_days, "RETENTION_DAYS", env.int("RETENTION_DAYS", 0)),
        require_mfa=env.tried(_one_of, "REQUIRE_MFA", env.str("REQUIRE_MFA", "none"), ("investigators", "none")),
        **(env.tried(_single_sign_on, env) or {}),
        oidc_second_factor=env.bool("OIDC_SECOND_FACTOR", False),
        static_manifest=env.bool("STATIC_MANIFEST", True),
        email_url=_with_password(env.str("EMAIL_URL", "consolemail://"), env.str("EMAIL_PASSWORD", "")),
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
        metrics_token=env.tried(_long_enough, "METRICS_TOKEN", env.str("METRICS_TOKEN", "")),
        log_format=env.tried(_one_of, "LOG_FORMAT", env.str("LOG_FORMAT", "plain"), ("plain", "json")),
        min_free_gb=env.tried(_not_negative, "MIN_FREE_GB", env.float("MIN_FREE_GB", 5.0)),
        postgres_tools=env.str("POSTGRES_TOOLS", ""),
        accel_prefix=env.str("ACCEL_PREFIX", ""),
        job_queues=env.dict("JOB_QUEUES", default={}),
        extra_apps=env.list("EXTRA_APPS", default=[]),
    )


def _number_of_proxies(text: str) -> int:
    """`false` is none and `true` is one."""
    named = {"": 0, "false": 0, "no": 0, "off": 0, "true": 1, "yes": 1, "on": 1}.get(text.strip().lower())
    if named is not None:
        return named
    if text.isdecimal() and int(text) <= 10:
        return int(text)
    raise ValueError(f"PROXY={text!r}: give true, false, or the number of proxies in front, 0 to 10")


def _single_sign_on(env: environ.Env) -> dict[str, Any]:
    issuer = env.str("OIDC_ISSUER", "")
    if issuer and not re.match(r"https://|http://(localhost|127\.0\.0\.1)[:/]", issuer):
        raise ValueError(f"OIDC_ISSUER={issuer!r} must begin with https://")
    if issuer and not (env.str("OIDC_CLIENT_ID", "") and env.str("OIDC_CLIENT_SECRET", "")):
        raise ValueError("OIDC_ISSUER is set: OIDC_CLIENT_ID and OIDC_CLIENT_SECRET must be set, too")
    roles = env.dict("OIDC_ROLES", default={name: name for name in ROLES})
    for word, role in roles.items():
        if role not in ROLES:
            raise ValueError(f"OIDC_ROLES: {word}={role}: the role must be one of {', '.join(ROLES)}")
    return {
        "oidc_issuer": issuer,
        "oidc_client_id": env.str("OIDC_CLIENT_ID", ""),
        "oidc_client_secret": env.str("OIDC_CLIENT_SECRET", ""),
        "oidc_name": env.str("OIDC_NAME", "the hospital's account"),
        "oidc_role_claim": env.str("OIDC_ROLE_CLAIM", ""),
        "oidc_roles": roles,
        "oidc_join_by_email": env.bool("OIDC_JOIN_BY_EMAIL", False),
    }


def sso_apps(*, issuer: str, client_id: str, client_secret: str, name: str) -> list[dict[str, Any]]:
    """What allauth is told of the server; nothing when there is none."""
    if not issuer:
        return []
    app = {"provider_id": "sso", "name": name[:40], "client_id": client_id, "secret": client_secret}
    return [{**app, "settings": {"server_url": issuer.rstrip("/"), "oauth_pkce_enabled": True}}]


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _days(name: str, value: int) -> int:
    if not 0 <= value <= 36_500:
        raise ValueError(f"{name}={value}: give a number of days from 0 to 36500")
    return value


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
