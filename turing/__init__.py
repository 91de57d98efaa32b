"""Visual Turing tests: studies, invitations, reading sessions, answers, results."""
