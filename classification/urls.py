"""Addresses below /experiments/."""

from django.urls import path

from classification import explanation_views, views
from classification.exporting import views as exporting
from classification.scoring import views as scoring_views

app_name = "classification"
urlpatterns = [
    path("", views.experiment_list, name="experiment_list"),
    path("new/", views.experiment_new, name="experiment_new"),
    path("classifiers/<uuid:pk>/", explanation_views.classifier_detail, name="classifier_detail"),
    path("classifiers/<uuid:pk>/file/", explanation_views.classifier_file, name="classifier_file"),
    path("explanations/<uuid:pk>/", explanation_views.explanation_detail, name="explanation_detail"),
    path("<uuid:pk>/", views.experiment_detail, name="experiment_detail"),
    path("<uuid:pk>/everything.zip", exporting.experiment_archive, name="experiment_archive"),
    path("<uuid:pk>/files/<str:name>", exporting.experiment_file, name="experiment_file"),
    path("scores/study/<uuid:study_id>/", scoring_views.study_scores, name="study_scores"),
    path("scores/dataset/<uuid:dataset_id>/", scoring_views.dataset_scores, name="dataset_scores"),
    path("scores/<uuid:pk>/", scoring_views.scoring_detail, name="scoring_detail"),
    path("scores/<uuid:pk>/explain/", scoring_views.scoring_explain, name="scoring_explain"),
    path("scores/<uuid:pk>/scores.csv", scoring_views.scoring_csv, name="scoring_csv"),
]
