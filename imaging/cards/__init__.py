"""What a dataset is, for people who did not make it: its card (page, Markdown, PDF), and all of it as a ZIP archive."""
