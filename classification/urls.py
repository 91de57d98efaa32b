"""Addresses below /experiments/."""

from django.urls import path

from classification import explanation_views, views

app_name = "classification"
urlpatterns = [
    path("", views.experiment_list, name="experiment_list"),
    path("new/", views.experiment_new, name="experiment_new"),
    path("classifiers/<uuid:pk>/", explanation_views.classifier_detail, name="classifier_detail"),
    path("classifiers/<uuid:pk>/file/", explanation_views.classifier_file, name="classifier_file"),
    path("explanations/<uuid:pk>/", explanation_views.explanation_detail, name="explanation_detail"),
    path("<uuid:pk>/", views.experiment_detail, name="experiment_detail"),
]
