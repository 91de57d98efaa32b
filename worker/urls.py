"""Addresses of the jobs' pages."""

from django.urls import path

from worker import views

app_name = "worker"
urlpatterns = [
    path("", views.job_list, name="job_list"),
    path("workers/", views.workers, name="workers"),
    path("<uuid:job_id>/", views.job_detail, name="job_detail"),
    path("<uuid:job_id>/panel/", views.job_panel, name="job_panel"),
    path("<uuid:job_id>/log/", views.job_log, name="job_log"),
    path("<uuid:job_id>/log.txt", views.job_log_file, name="job_log_file"),
    path("<uuid:job_id>/series/", views.job_series, name="job_series"),
    path("<uuid:job_id>/series.csv", views.job_series_file, name="job_series_file"),
    path("<uuid:job_id>/artefacts/<int:artefact_id>/", views.job_artefact, name="job_artefact"),
    path("<uuid:job_id>/cancel/", views.job_cancel, name="job_cancel"),
    path("<uuid:job_id>/resume/", views.job_resume, name="job_resume"),
]
