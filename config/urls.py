"""URL map of the site."""

from django.contrib import admin
from django.urls import include, path

from config import views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
    path("datasets/", include("imaging.urls")),
    path("generators/", include("generation.urls")),
    path("experiments/", include("classification.urls")),
    path("jobs/", include("worker.urls")),
    path("", include("api.urls")),
    path("projects/", include("config.projects.urls")),
    path("", include("turing.urls")),
]

handler403 = "config.views.permission_denied"
