"""Addresses of studies. Readers' addresses are in `turing.reading.urls`."""

from django.urls import include, path

from turing import views
from turing.results import views as results_views

app_name = "turing"
urlpatterns = [
    path("studies/", views.study_list, name="study_list"),
    path("studies/new/", views.study_create, name="study_create"),
    path("studies/<uuid:study_id>/", views.study_detail, name="study_detail"),
    path("studies/<uuid:study_id>/edit/", views.study_edit, name="study_edit"),
    path("studies/<uuid:study_id>/delete/", views.study_delete, name="study_delete"),
    path("studies/<uuid:study_id>/open/", views.study_open, name="study_open"),
    path("studies/<uuid:study_id>/close/", views.study_close, name="study_close"),
    path("studies/<uuid:study_id>/progress/", views.study_progress, name="study_progress"),
    path("studies/<uuid:study_id>/invitations/", views.invitation_create, name="invitation_create"),
    path("invitations/<uuid:invitation_id>/revoke/", views.invitation_revoke, name="invitation_revoke"),
    path("studies/<uuid:study_id>/results/", results_views.results, name="study_results"),
    path("studies/<uuid:study_id>/results/answers.csv", results_views.answers_csv, name="study_answers_csv"),
    path("studies/<uuid:study_id>/results/images/", results_views.images, name="study_images"),
    path(
        "studies/<uuid:study_id>/results/images/<int:position>-<int:side>.png",
        results_views.image_png,
        name="study_image_png",
    ),
    path("", include("turing.reading.urls")),
]
