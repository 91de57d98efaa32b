"""One factory per model. Image factories store real pixels."""

import factory
from factory.django import DjangoModelFactory

from config.accounts.models import User

PASSWORD = "correct horse battery"


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.org")
    role = User.Role.READER
    password = factory.django.Password(PASSWORD)
