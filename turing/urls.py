"""Addresses of studies. Readers' addresses are in `turing.reading.urls`."""

from django.urls import include, path

from turing import views
from turing.reports import comparison_views, table_views
from turing.reports import views as report_views
from turing.results import views as results_views

app_name = "turing"
preview_patterns = [
    path("", views.preview, name="preview"),
    path("instructions/", views.preview_instructions, name="preview_instructions"),
    path("phase/", views.preview_phase, name="preview_phase"),
    path("done/", views.preview_done, name="preview_done"),
    path("attend", views.preview_attend, name="preview_attend"),
    path("current", views.preview_current, name="preview_current"),
    path("continue", views.preview_continue, name="preview_continue"),
    path("answer", views.preview_answer, name="preview_answer"),
    path("stimulus/<str:token>", views.preview_stimulus, name="preview_stimulus"),
]
urlpatterns = [
    path("studies/", views.study_list, name="study_list"),
    path("studies/new/", views.study_create, name="study_create"),
    path("studies/planning/", views.planning, name="planning"),
    path("studies/planning/<uuid:job_id>/", views.plan_detail, name="plan_detail"),
    path("studies/planning/<uuid:job_id>/plan.<str:kind>", views.plan_file, name="plan_file"),
    path("studies/matching/<str:side>/", views.matching_count, name="matching_count"),
    path("studies/<uuid:study_id>/", views.study_detail, name="study_detail"),
    path("studies/<uuid:study_id>/edit/", views.study_edit, name="study_edit"),
    path("studies/<uuid:study_id>/delete/", views.study_delete, name="study_delete"),
    path("studies/<uuid:study_id>/clone/", views.study_clone, name="study_clone"),
    path("studies/<uuid:study_id>/second-session/", views.second_session_create, name="second_session_create"),
    path("studies/<uuid:study_id>/preview/", include(preview_patterns)),
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
    path(
        "studies/<uuid:study_id>/results/images/<int:position>-<int:side>-marks.png",
        results_views.image_heat_png,
        name="study_image_heat",
    ),
    path("studies/<uuid:study_id>/reports/", report_views.study_reports, name="study_reports"),
    path("reports/<uuid:report_id>/", report_views.report_detail, name="report_detail"),
    path("reports/<uuid:report_id>/remove/", report_views.report_remove, name="report_remove"),
    path("reports/<uuid:report_id>/files/<path:name>", report_views.report_file, name="report_file"),
    path("comparisons/", comparison_views.comparisons, name="comparisons"),
    path("answers/", table_views.answer_tables, name="answer_tables"),
    path("answers/example.csv", table_views.answer_table_example, name="answer_table_example"),
    path("answers/columns/<uuid:token>/", table_views.answer_table_columns, name="answer_table_columns"),
    path("answers/columns/<uuid:token>/forget/", table_views.answer_table_forget, name="answer_table_forget"),
    path("answers/<uuid:table_id>/", table_views.answer_table, name="answer_table"),
    path("answers/<uuid:table_id>/remove/", table_views.answer_table_remove, name="answer_table_remove"),
    path("", include("turing.reading.urls")),
]
