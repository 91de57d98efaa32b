"""Addresses below /datasets/regions/; their names are those of the app."""

from django.urls import path

from imaging.regions import agreement_views, drawing_views, views

urlpatterns = [
    path("", views.region_task_list, name="region_task_list"),
    path("mine/", views.my_regions, name="my_regions"),
    path("new/<uuid:pk>/", views.region_task_new, name="region_task_new"),
    path("pixels/<uuid:pk>/", drawing_views.region_pixels, name="region_pixels"),
    path("<uuid:pk>/", views.region_task, name="region_task"),
    path("<uuid:pk>/annotators/", views.region_annotator_add, name="region_annotator_add"),
    path("<uuid:pk>/close/", views.region_task_close, name="region_task_close"),
    path("<uuid:pk>/reopen/", views.region_task_reopen, name="region_task_reopen"),
    path("<uuid:pk>/delete/", views.region_task_delete, name="region_task_delete"),
    path("<uuid:pk>/crops/", views.region_crops_start, name="region_crops_start"),
    path("<uuid:pk>/regions.csv", views.regions_csv, name="regions_csv"),
    path("<uuid:pk>/regions.json", views.regions_json, name="regions_json"),
    path("<uuid:pk>/draw/", drawing_views.region_draw, name="region_draw"),
    path("<uuid:pk>/images/<int:position>/", drawing_views.region_image, name="region_image"),
    path("<uuid:pk>/agreement/", agreement_views.region_agreement, name="region_agreement"),
    path("<uuid:pk>/adjudicate/", drawing_views.region_adjudicate, name="region_adjudicate"),
    path(
        "<uuid:pk>/adjudicate/images/<int:position>/",
        drawing_views.region_adjudicate_image,
        name="region_adjudicate_image",
    ),
]
