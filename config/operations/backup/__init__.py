"""Backup and restore of a whole site: database, files, secrets; every file with its hash."""
