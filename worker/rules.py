"""Who may see and steer jobs. Jobs belong to the group: any investigator may stop a colleague's runaway job."""

import rules

from config.accounts.rules import is_investigator

can_view_job = is_investigator
can_control_job = is_investigator

rules.add_perm("worker.view_job", can_view_job)
rules.add_perm("worker.control_job", can_control_job)
