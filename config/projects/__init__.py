"""Projects: what a group of investigators works on, seen by its members and by nobody else."""
