"""Addresses of the administrators' pages about the running of the site."""

from django.urls import path

from config.operations import views

app_name = "operations"
urlpatterns = [
    path("stuck-jobs/", views.stuck_job_list, name="stuck_jobs"),
    path("stuck-jobs/<uuid:job_id>/<str:verb>/", views.steer_stuck_job, name="steer_stuck_job"),
    path("tidy-up/", views.tidy_up, name="tidy_up"),
]
