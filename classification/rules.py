"""Who may do what with classifiers. Readers never see one: it would tell them what they are asked."""

import rules

from config.accounts.rules import is_investigator

rules.add_perm("classification.view_experiment", is_investigator)
rules.add_perm("classification.add_experiment", is_investigator)
rules.add_perm("classification.view_scoring", is_investigator)
rules.add_perm("classification.add_scoring", is_investigator)
