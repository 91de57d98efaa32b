"""Addresses below /projects/."""

from django.urls import path

from config.projects import views

app_name = "projects"
urlpatterns = [
    path("", views.project_list, name="project_list"),
    path("new/", views.project_new, name="project_new"),
    path("<uuid:pk>/", views.project_detail, name="project_detail"),
    path("<uuid:pk>/members/", views.member_add, name="member_add"),
    path("<uuid:pk>/members/<int:user_id>/", views.member_change, name="member_change"),
    path("<uuid:pk>/members/<int:user_id>/remove/", views.member_remove, name="member_remove"),
]
