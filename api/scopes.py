"""What a token may do. A token never may more than its user: every view also asks the page's own predicate."""

from config.accounts.models import User

SCOPES = {
    "datasets:read": "See datasets, their images and regions",
    "datasets:write": "Upload, import, split, freeze and delete datasets",
    "models:read": "See generators, experiments, classifiers and scores",
    "models:write": "Train generators, draw samples, measure them, run experiments, compute scores",
    "jobs:read": "Follow jobs: progress, log, curves and files",
    "jobs:write": "Cancel and resume jobs",
    "studies:read": "See studies and how far their readers are",
    "studies:write": "Make, open and close studies, invite readers",
    "results:read": "See the results of closed studies, and their reports",
    "results:write": "Make and remove reports",
    "reader": "Read a study as its reader: your own sessions alone",
}
READER = "reader"


def scopes_for(user: User) -> dict[str, str]:
    """Scopes that a token of `user` can have, with their words."""
    return SCOPES if user.is_investigator else {READER: SCOPES[READER]}
