"""Addresses below /datasets/."""

from django.urls import include, path

from imaging import views
from imaging.cards import views as cards
from imaging.duplicates import views as duplicates
from imaging.quarantine import views as quarantine
from imaging.views import server, versions

app_name = "imaging"
urlpatterns = [
    path("", views.dataset_list, name="dataset_list"),
    path("deleted/", views.deleted_list, name="deleted_list"),
    path("import/", views.import_new, name="import_new"),
    path("import/folder/", server.import_folder, name="import_folder"),
    path("import/pacs/", server.import_pacs, name="import_pacs"),
    path("import/check-name/", views.check_name, name="check_name"),
    path("import/uploads/", views.upload_begin, name="upload_begin"),
    path("import/uploads/<uuid:pk>/part/", views.upload_part, name="upload_part"),
    path("import/uploads/<uuid:pk>/discard/", views.upload_discard, name="upload_discard"),
    path("import/<uuid:pk>/", views.import_result, name="import_result"),
    path("import/<uuid:pk>/retry/", views.import_retry, name="import_retry"),
    path("regions/", include("imaging.regions.urls")),
    path("images/<uuid:pk>/", views.image_detail, name="image_detail"),
    path("images/<uuid:pk>/original.png", views.image_original, name="image_original"),
    path("images/<uuid:pk>/view.png", views.image_view, name="image_view"),
    path("images/<uuid:pk>/thumbnail.png", views.image_thumbnail, name="image_thumbnail"),
    path("quarantine/<uuid:pk>/", quarantine.quarantine_item, name="quarantine_item"),
    path("quarantine/<uuid:pk>/view.png", quarantine.quarantine_view, name="quarantine_view"),
    path("quarantine/<uuid:pk>/thumbnail.png", quarantine.quarantine_thumbnail, name="quarantine_thumbnail"),
    path("<uuid:pk>/quarantine/", quarantine.quarantine_list, name="quarantine_list"),
    path("<uuid:pk>/quarantine/move/", quarantine.quarantine_move, name="quarantine_move"),
    path("<uuid:pk>/quarantine/sign-offs/", quarantine.sign_off_list, name="sign_off_list"),
    path("<uuid:pk>/", views.dataset_detail, name="dataset_detail"),
    path("<uuid:pk>/include/", views.dataset_include, name="dataset_include"),
    path("<uuid:pk>/flow-chart.svg", views.dataset_flow_chart, name="dataset_flow_chart"),
    path("<uuid:pk>/split/", views.dataset_split, name="dataset_split"),
    path("<uuid:pk>/card/", cards.dataset_card, name="dataset_card"),
    path("<uuid:pk>/card.<str:kind>", cards.card_file, name="card_file"),
    path("<uuid:pk>/export/", cards.dataset_export, name="dataset_export"),
    path("<uuid:pk>/versions/", versions.dataset_versions, name="dataset_versions"),
    path("<uuid:pk>/card/edit/", cards.card_edit, name="card_edit"),
    path("<uuid:pk>/duplicates/", duplicates.dataset_duplicates, name="dataset_duplicates"),
    path("duplicates/<uuid:pk>/", duplicates.duplicates_report, name="duplicates_report"),
    path("duplicates/<uuid:pk>/pairs.csv", duplicates.duplicates_file, name="duplicates_file"),
    path("<uuid:pk>/freeze/", views.dataset_freeze, name="dataset_freeze"),
    path("<uuid:pk>/delete/", views.dataset_delete, name="dataset_delete"),
]
