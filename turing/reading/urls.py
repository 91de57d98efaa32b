"""Addresses of readers. None of them says anything about an image."""

from django.urls import path

from turing.reading import views

urlpatterns = [
    path("my-studies/", views.my_studies, name="my_studies"),
    path("invite/<str:secret>/", views.invite, name="invite"),
    path("read/<uuid:session_id>/", views.read, name="read"),
    path("read/<uuid:session_id>/instructions/", views.instructions, name="read_instructions"),
    path("read/<uuid:session_id>/phase/", views.phase, name="read_phase"),
    path("read/<uuid:session_id>/done/", views.done, name="read_done"),
    path("read/<uuid:session_id>/attend", views.attend, name="read_attend"),
    path("read/<uuid:session_id>/current", views.current, name="read_current"),
    path("read/<uuid:session_id>/continue", views.go_on, name="read_continue"),
    path("read/<uuid:session_id>/stimulus/<str:token>", views.stimulus, name="read_stimulus"),
    path("read/<uuid:session_id>/answer", views.answer, name="read_answer"),
]
