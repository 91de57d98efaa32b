"""Addresses below /experiments/."""

from django.urls import path

from classification import views

app_name = "classification"
urlpatterns = [
    path("", views.experiment_list, name="experiment_list"),
    path("new/", views.experiment_new, name="experiment_new"),
    path("<uuid:pk>/", views.experiment_detail, name="experiment_detail"),
]
