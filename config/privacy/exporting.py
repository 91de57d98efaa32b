"""Everything that the site holds about one person, as a ZIP of JSON files that this person can read."""

import io
import json
import zipfile

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from config.accounts.models import User
from config.accounts.personal import personal_data

README = """What this site holds about you, made on {day}.

account.json                 your account
sign-ins.json                when and from where you signed in, or somebody tried to (addresses are shortened)
sessions.json                where you are signed in now
invitation-to-the-site.json  the invitation that made your account
studies.json                 studies that you read: your code, what you declared, your answers once the study is closed

Your password is not here: the site does not know it. What you did for a study as investigator or administrator (who
made a dataset, who started a job) is part of the record of that work and can be asked for from the operator.
"""


def export_person(*, user: User) -> bytes:
    """The ZIP. Small: a reader's thousand answers are about 50 kB."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", README.format(day=f"{timezone.localdate():%Y-%m-%d}"))
        for part in personal_data():
            for name, document in part.collect(user).items():
                archive.writestr(name, json.dumps(document, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
    return buffer.getvalue()
