"""Who may do what with generators. Readers never see one: it would tell them what they are asked."""

import rules

from config.accounts.rules import is_investigator

rules.add_perm("generation.view_trainingrun", is_investigator)
rules.add_perm("generation.add_trainingrun", is_investigator)
rules.add_perm("generation.add_samplerun", is_investigator)
