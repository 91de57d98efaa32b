"""Who may do what with datasets. Readers never see a dataset: it would tell them what they are asked."""

import rules

from config.accounts.rules import is_investigator

rules.add_perm("imaging.view_dataset", is_investigator)
rules.add_perm("imaging.view_image", is_investigator)
rules.add_perm("imaging.add_dataset", is_investigator)
rules.add_perm("imaging.delete_dataset", is_investigator)
