"""allauth's forms in our look."""

from allauth.account import forms as allauth_forms

from config.forms import BootstrapFormMixin


class LoginForm(BootstrapFormMixin, allauth_forms.LoginForm):
    pass


class ChangePasswordForm(BootstrapFormMixin, allauth_forms.ChangePasswordForm):
    pass
