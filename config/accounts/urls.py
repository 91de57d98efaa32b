"""Addresses of people: for administrators, and what everybody has of their own account."""

from django.urls import path

from config.accounts import views

app_name = "accounts"
urlpatterns = [
    path("people/", views.people, name="people"),
    path("people/invitations/", views.invitations, name="invitations"),
    path("people/invitations/<uuid:invitation_id>/revoke/", views.invitation_revoke, name="invitation_revoke"),
    path("people/sign-ins/", views.sign_ins, name="sign_ins"),
    path("people/<int:user_id>/lift-lockout/", views.person_lift_lockout, name="person_lift_lockout"),
    path("people/<int:user_id>/", views.person, name="person"),
    path("people/<int:user_id>/deactivate/", views.person_deactivate, name="person_deactivate"),
    path("people/<int:user_id>/reactivate/", views.person_reactivate, name="person_reactivate"),
    path(
        "people/<int:user_id>/reset-second-factor/", views.person_reset_second_factor, name="person_reset_second_factor"
    ),
    path("people/<int:user_id>/end-sessions/", views.person_end_sessions, name="person_end_sessions"),
    path("account/", views.account, name="account"),
    path("account/end-session/", views.end_session, name="end_session"),
    path("join/<str:secret>/", views.join, name="join"),
]
