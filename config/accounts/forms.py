"""allauth's forms in our look, and the forms of the pages of people."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.mfa.base import forms as mfa_forms
from allauth.mfa.totp import forms as totp_forms
from django import forms

from config.accounts.invitations import DEFAULT_DAYS, MOST_DAYS
from config.accounts.models import User
from config.forms import BootstrapFormMixin


class LoginForm(BootstrapFormMixin, allauth_forms.LoginForm):
    pass


class ChangePasswordForm(BootstrapFormMixin, allauth_forms.ChangePasswordForm):
    pass


class PasswordAgainForm(BootstrapFormMixin, allauth_forms.ReauthenticateForm):
    pass


class SecondFactorForm(BootstrapFormMixin, mfa_forms.AuthenticateForm):
    pass


class SecondFactorAgainForm(BootstrapFormMixin, mfa_forms.ReauthenticateForm):
    pass


class SetUpSecondFactorForm(BootstrapFormMixin, totp_forms.ActivateTOTPForm):
    pass


class InviteForm(BootstrapFormMixin, forms.Form):
    role = forms.ChoiceField(
        choices=User.Role.choices,
        initial=User.Role.INVESTIGATOR,
        help_text="Readers of one study are better invited on the page of that study.",
    )
    email = forms.EmailField(
        label="E-mail",
        required=False,
        help_text="The link is sent there. Leave it empty to get a link that you send yourself.",
    )
    note = forms.CharField(
        max_length=200, required=False, help_text="For you: whom the link is for. The invited person never sees it."
    )
    days = forms.IntegerField(
        label="Works for (days)", min_value=1, max_value=MOST_DAYS, initial=DEFAULT_DAYS, help_text="1 to 90."
    )


class JoinForm(BootstrapFormMixin, forms.ModelForm):
    password = forms.CharField(
        strip=False,
        help_text="At least 10 characters; not only digits.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    class Meta:
        model = User
        fields = ("username", "email")
        labels = {"username": "User name", "email": "E-mail"}
        help_texts = {"username": "You sign in with it.", "email": "Only for resetting your password and for notices."}
        widgets = {
            "username": forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none"}),
            "email": forms.EmailInput(attrs={"autocomplete": "email"}),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "password" in cleaned and cleaned["password"] != cleaned.get("password_again"):
            self.add_error("password_again", "The two passwords are not the same. Type them again.")
        return cleaned


class AddressForm(BootstrapFormMixin, forms.Form):
    address = forms.GenericIPAddressField(
        help_text="The whole address, as the proxy or the network team tells it. A department often has one for all."
    )
