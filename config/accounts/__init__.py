"""People: who may sign in and what kind of user they are. The lowest layer: imports no other app."""
