"""Addresses below /generators/."""

from django.urls import path

from generation import tool_views, views
from generation.importing import views as importing_views
from generation.measuring import views as measuring

app_name = "generation"
urlpatterns = [
    path("", views.run_list, name="run_list"),
    path("new/", views.run_new, name="run_new"),
    path("compare/", views.run_compare, name="run_compare"),
    path("<uuid:pk>/", views.run_detail, name="run_detail"),
    path("<uuid:pk>/continue/", views.run_continue, name="run_continue"),
    path("<uuid:pk>/sample/", views.run_sample, name="run_sample"),
    path("samples/<uuid:pk>/discard/", views.sample_discard, name="sample_discard"),
    path("measures/of/<uuid:pk>/", measuring.dataset_measures, name="dataset_measures"),
    path("measures/<uuid:pk>/", measuring.report_detail, name="measure_detail"),
    path("measures/<uuid:pk>/pairs/", measuring.report_pairs, name="measure_pairs"),
    path("measures/<uuid:pk>/files/<str:name>", measuring.report_file, name="measure_file"),
    path("checkpoints/<uuid:pk>/tool/", tool_views.tool_start, name="tool_start"),
    path("elsewhere/import/", importing_views.foreign_new, name="foreign_new"),
    path("elsewhere/<uuid:pk>/", importing_views.foreign_detail, name="foreign_detail"),
    path("elsewhere/<uuid:pk>/accept/", importing_views.foreign_accept, name="foreign_accept"),
    path("elsewhere/<uuid:pk>/discard/", importing_views.foreign_discard, name="foreign_discard"),
    path("elsewhere/<uuid:pk>/sample/", importing_views.foreign_sample, name="foreign_sample"),
]
