from django.urls import path

from config.privacy import views

app_name = "privacy"
urlpatterns = [
    path("account/export/", views.own_export, name="own_export"),
    path("people/<int:user_id>/export/", views.person_export, name="person_export"),
    path("people/<int:user_id>/erase/", views.person_erase, name="person_erase"),
    path("people/retention/", views.retention, name="retention"),
]
