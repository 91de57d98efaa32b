"""Running the site: probes, metrics, requests in the log, backup and restore, tidying up."""
