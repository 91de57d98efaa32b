"""Addresses below /experiments/."""

from django.urls import path

from classification import views
from classification.exporting import views as exporting

app_name = "classification"
urlpatterns = [
    path("", views.experiment_list, name="experiment_list"),
    path("new/", views.experiment_new, name="experiment_new"),
    path("<uuid:pk>/", views.experiment_detail, name="experiment_detail"),
    path("<uuid:pk>/everything.zip", exporting.experiment_archive, name="experiment_archive"),
    path("<uuid:pk>/files/<str:name>", exporting.experiment_file, name="experiment_file"),
]
