"""Addresses below /experiments/."""

from django.urls import path

from classification import explanation_views, views
from classification.exporting import views as exporting
from classification.scoring import views as scoring_views
from classification.screening import queue_views
from classification.screening import views as screening_views

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
    path("screenings/dataset/<uuid:dataset_id>/", screening_views.dataset_screenings, name="dataset_screenings"),
    path("screenings/<uuid:pk>/", screening_views.screening_detail, name="screening_detail"),
    path("screenings/<uuid:pk>/check/", screening_views.screening_check, name="screening_check"),
    path("screenings/<uuid:pk>/make/", screening_views.screening_make, name="screening_make"),
    path("screenings/<uuid:pk>/screening.csv", screening_views.screening_csv, name="screening_csv"),
    path("screenings/<uuid:pk>/queue/", queue_views.screening_queue, name="screening_queue"),
    path("screenings/<uuid:pk>/queue/<int:row>/", queue_views.screening_decide, name="screening_decide"),
    path("screenings/<uuid:pk>/do/<slug:action>/", queue_views.screening_act, name="screening_act"),
]
