"""Reports of closed studies, and of answers that were collected elsewhere: jobs, stored files, pages, downloads."""
