"""Django settings: one module for laptop, tests and production; all differences come from the environment."""

import environ

from config.cache import cache_settings
from config.environment import BASE_DIR, origin_of, read_environment, sso_apps

ENVIRONMENT = read_environment()

DATA_DIR = ENVIRONMENT.data_dir
DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
CSRF_TRUSTED_ORIGINS = ENVIRONMENT.trusted_origins
SITE_NAME = ENVIRONMENT.site_name

INSTALLED_APPS = [
    "config.accounts",
    "config.projects",
    "config.privacy",
    "config.demo",
    "config.operations",
    "api",
    "turing",
    "generation",
    "classification",
    "imaging",
    "worker",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "csp",
    "rules.apps.AutodiscoverRulesConfig",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    *ENVIRONMENT.extra_apps,
]

MIDDLEWARE = [
    "config.operations.middleware.ObservedRequests",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.responses.ResponseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.accounts.sessions.note_last_seen",
    "config.accounts.second_factor.RequireSecondFactor",
    "config.projects.middleware.ProjectMiddleware",
    "config.sending.SentByProxy",  # innermost: what the others add to the answer stays
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context_processors.site",
                "config.projects.context_processors.projects",
            ],
            "libraries": {"lists": "config.list_tags"},
        },
    }
]

# --- database -----------------------------------------------------------------------------------------------
DATABASES = {"default": environ.Env.db_url_config(ENVIRONMENT.database_url)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["ENGINE"] = "config.sqlite"
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}  # a file: several processes and threads share it
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",  # a transaction that will write waits at its start, not in the middle
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    }
else:
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
    if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
        DATABASES["default"]["ENGINE"] = "config.postgresql"
        # Nobody waits for ever, and a reader's page not longer than the 15 s after which it gives a request up.
        # What DATABASE_URL says (?connect_timeout=...) comes first.
        DATABASES["default"]["OPTIONS"] = {
            "connect_timeout": 10,  # s
            "tcp_user_timeout": 10_000,  # ms until a connection whose other end is silent counts as lost
            # A host that loses its network leaves a transaction behind: client and server look whether the other is
            # there, so that within 60 s nothing is locked or waited for any more.
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "options": (
                "-c lock_timeout=10s -c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3"
            ),
            # the server parses and plans a statement that comes again and again only once
            "server_side_binding": True,
            "prepare_threshold": 5,
            **DATABASES["default"].get("OPTIONS", {}),
        }
        # none: behind a pooler that gives each transaction another connection
        threshold = DATABASES["default"]["OPTIONS"]["prepare_threshold"]
        DATABASES["default"]["OPTIONS"]["prepare_threshold"] = None if threshold == "none" else int(threshold)
DATABASES["default"]["CONN_MAX_AGE"] = 60  # seconds; a thread of the web server keeps its connection
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- files --------------------------------------------------------------------------------------------------
MEDIA_ROOT = DATA_DIR / "media"  # never served by path: every file goes through a view that checks rights
STATIC_URL = "/static/"  # absolute: the prefix of a project does not go in front
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "config.static_files.ModuleStaticFilesStorage"
        if ENVIRONMENT.static_manifest
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not ENVIRONMENT.static_manifest
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "tmp"
FILE_UPLOAD_TEMP_DIR.mkdir(exist_ok=True)
# One part of an upload is 8 MB, as a file; everything else that a page sends is small.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 100
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 2**20
ACCEL_PREFIX = ENVIRONMENT.accel_prefix  # see config.sending
MAX_UPLOAD_BYTES = ENVIRONMENT.max_upload_mb * 2**20
MIN_FREE_BYTES = int(ENVIRONMENT.min_free_gb * 2**30)  # of disk: jobs and uploads wait below it
IMPORT_FOLDERS = ENVIRONMENT.import_folders
DICOMWEB_URL = ENVIRONMENT.dicomweb_url
DICOMWEB_USER = ENVIRONMENT.dicomweb_user
DICOMWEB_PASSWORD = ENVIRONMENT.dicomweb_password
DICOMWEB_TOKEN = ENVIRONMENT.dicomweb_token
DICOMWEB_CA_BUNDLE = ENVIRONMENT.dicomweb_ca_bundle

# --- accounts -----------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "rules.permissions.ObjectPermissionBackend",
    "config.accounts.signed_in.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [{"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}}]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "config.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "config.accounts.forms.LoginForm",
    "change_password": "config.accounts.forms.ChangePasswordForm",
    "reauthenticate": "config.accounts.forms.PasswordAgainForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = {
    "login": "300/m/ip",  # a whole department has one address
    "login_failed": "60/m/ip,200/h/ip,5/5m/key",  # key: the account
}
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60  # seconds until the password is asked again where it matters
MFA_ADAPTER = "config.accounts.second_factor.MfaAdapter"
MFA_FORMS = {
    "authenticate": "config.accounts.forms.SecondFactorForm",
    "reauthenticate": "config.accounts.forms.SecondFactorAgainForm",
    "activate_totp": "config.accounts.forms.SetUpSecondFactorForm",
}
MFA_TOTP_ISSUER = SITE_NAME
MFA_ALLOW_UNVERIFIED_EMAIL = True  # nobody signs up here: an address is not what an account is known by
REQUIRE_MFA = ENVIRONMENT.require_mfa
SOCIALACCOUNT_ADAPTER = "config.accounts.sso.SocialAccountAdapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "provider_class": "config.accounts.sso.Provider",
        "APPS": sso_apps(
            issuer=ENVIRONMENT.oidc_issuer,
            client_id=ENVIRONMENT.oidc_client_id,
            client_secret=ENVIRONMENT.oidc_client_secret,
            name=ENVIRONMENT.oidc_name,
        ),
    }
}
OIDC_ISSUER = ENVIRONMENT.oidc_issuer
OIDC_NAME = ENVIRONMENT.oidc_name
OIDC_ROLE_CLAIM = ENVIRONMENT.oidc_role_claim
OIDC_ROLES = ENVIRONMENT.oidc_roles
OIDC_JOIN_BY_EMAIL = ENVIRONMENT.oidc_join_by_email
OIDC_SECOND_FACTOR = ENVIRONMENT.oidc_second_factor
RETENTION_DAYS = ENVIRONMENT.retention_days
TRUSTED_PROXIES = ENVIRONMENT.proxy
CACHES = {"default": cache_settings(ENVIRONMENT.redis_url)}

vars().update(environ.Env.email_url_config(ENVIRONMENT.email_url))
DEFAULT_FROM_EMAIL = ENVIRONMENT.email_from

# --- security -----------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:", "blob:"],  # data: are the icons inside Bootstrap's stylesheet
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        # the hospital's sign-in page: browsers hold redirects after a form to this list, too
        "form-action": ["'self'", *([origin_of(ENVIRONMENT.oidc_issuer)] if ENVIRONMENT.oidc_issuer else [])],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SESSION_ENGINE = "config.accounts.signed_in"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = ENVIRONMENT.https
CSRF_COOKIE_SECURE = ENVIRONMENT.https
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_SSL_REDIRECT = ENVIRONMENT.https
SECURE_HSTS_SECONDS = 31_536_000 if ENVIRONMENT.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = ENVIRONMENT.https
SECURE_HSTS_PRELOAD = ENVIRONMENT.https
if ENVIRONMENT.proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- API (docs/api.md) --------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.Allowed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.SmallJson"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.negotiation.AlwaysJson",
    "DEFAULT_PAGINATION_CLASS": "api.negotiation.Pages",
    "DEFAULT_SCHEMA_CLASS": "api.schema.ApiSchema",
    "DEFAULT_THROTTLE_CLASSES": ["api.throttling.PerUser", "api.throttling.PerAddress"],
    "DEFAULT_THROTTLE_RATES": {"user": "1200/min", "anon": "60/min"},
    "EXCEPTION_HANDLER": "api.problems.problem_response",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Turing Reader",
    "VERSION": "1",
    "DESCRIPTION": "What the pages of Turing Reader do, for programs. See docs/api.md.",
    "LICENSE": {"name": "Apache-2.0"},
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [],  # choices stand where they are made
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
}

# --- jobs ---------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = ENVIRONMENT.redis_url  # how Celery is used is in worker.celery

JOB_QUEUES = ENVIRONMENT.job_queues  # kind -> queue, where it is not the kind's own; see worker.queues

# --- language and time --------------------------------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = ENVIRONMENT.time_zone

METRICS_TOKEN = ENVIRONMENT.metrics_token
POSTGRES_TOOLS = ENVIRONMENT.postgres_tools
BEHIND_PROXY = ENVIRONMENT.proxy

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {"()": "config.logs.PlainFormatter"},
        "json": {"()": "config.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": ENVIRONMENT.log_format}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # one line per request where a system collects them; in a file of ours only what went wrong
    "loggers": {"config.operations.requests": {"level": "INFO" if ENVIRONMENT.log_format == "json" else "WARNING"}},
}
