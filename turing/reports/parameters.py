"""What the web server knows of the job that makes reports. Fitting and drawing are loaded by the job's own process."""

from dataclasses import dataclass

KIND = "make_report"
BODY = "body.html"  # the report as the site shows it; no download


@dataclass(frozen=True, kw_only=True)
class ReportParameters:
    report_id: str
