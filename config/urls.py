"""URL map of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

from config import views
from config.accounts import sso

# one way in: with its limits on failed attempts and the second factor
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sso/login/", sso.login, name="sso_login"),
    path("accounts/sso/callback/", sso.callback, name="sso_callback"),
    path("accounts/sso/", include("allauth.socialaccount.urls")),
    path("", include("config.accounts.urls")),
    path("", include("config.privacy.urls")),
    path("admin/", admin.site.urls),
    path("datasets/", include("imaging.urls")),
    path("generators/", include("generation.urls")),
    path("experiments/", include("classification.urls")),
    path("jobs/", include("worker.urls")),
    path("", include("api.urls")),
    path("operations/", include("config.operations.urls")),
    path("projects/", include("config.projects.urls")),
    path("", include("turing.urls")),
]

handler403 = "config.views.permission_denied"
