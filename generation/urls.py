"""Addresses below /generators/."""

from django.urls import path

from generation import views
from generation.measuring import views as measuring

app_name = "generation"
urlpatterns = [
    path("", views.run_list, name="run_list"),
    path("new/", views.run_new, name="run_new"),
    path("compare/", views.run_compare, name="run_compare"),
    path("<uuid:pk>/", views.run_detail, name="run_detail"),
    path("<uuid:pk>/continue/", views.run_continue, name="run_continue"),
    path("<uuid:pk>/sample/", views.run_sample, name="run_sample"),
    path("measures/of/<uuid:pk>/", measuring.dataset_measures, name="dataset_measures"),
    path("measures/<uuid:pk>/", measuring.report_detail, name="measure_detail"),
    path("measures/<uuid:pk>/pairs/", measuring.report_pairs, name="measure_pairs"),
    path("measures/<uuid:pk>/files/<str:name>", measuring.report_file, name="measure_file"),
]
