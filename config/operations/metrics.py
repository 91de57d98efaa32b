"""Numbers for Prometheus: of requests, counted by every web process, and of jobs, read from the database when asked.

Labels are names from the code (routes, kinds, states, queues), never an id, a name or a class of images: nothing here
depends on what an image is. Several web processes share a directory of counters (PROMETHEUS_MULTIPROC_DIR, set by
gunicorn.conf.py); without one each process speaks for itself.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config.operations.bounded import Bounded
from config.operations.job_metrics import job_metrics
from worker.disk_space import free_bytes

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
PATIENCE_SECONDS = 5.0

_registry = CollectorRegistry()
_requests = Counter("turing_requests", "Requests answered.", ["route", "method", "status"], registry=_registry)
_seconds = Histogram(
    "turing_request_seconds", "Time to answer a request, s.", ["route"], buckets=BUCKETS, registry=_registry
)


def route_of(request: HttpRequest) -> str:
    """The name of the page, such as "turing:read_answer"; "unmatched" for what no page answers (static files too)."""
    match = request.resolver_match
    return (match.view_name if match.url_name else "unnamed") if match else "unmatched"


def count_request(request: HttpRequest, response: HttpResponseBase, seconds: float) -> None:
    route = route_of(request)
    method = request.method if request.method in METHODS else "other"  # a browser may send any word
    _requests.labels(route, method, response.status_code).inc()
    _seconds.labels(route).observe(seconds)


def exposition() -> bytes:
    """All numbers in Prometheus' text format, within PATIENCE_SECONDS also when the database hangs."""
    own = _registry
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        own = CollectorRegistry()
        MultiProcessCollector(own)
    now = CollectorRegistry()
    now.register(SiteCollector())
    return generate_latest(own) + generate_latest(now)


class SiteCollector(Collector):
    """What is true of the site now, whichever process is asked."""

    def collect(self) -> Iterator[Metric]:
        for name, folder in (("data", settings.DATA_DIR), ("media", settings.MEDIA_ROOT)):
            gauge = GaugeMetricFamily(
                f"turing_{name}_disk_free_bytes", f"Free bytes of the disk that holds the {name} folder."
            )
            gauge.add_metric([], free_bytes(Path(folder)))
            yield gauge
        limit = GaugeMetricFamily("turing_disk_limit_bytes", "Below this no job starts (MIN_FREE_GB).")
        limit.add_metric([], settings.MIN_FREE_BYTES)
        yield limit
        try:
            found = _job_metrics()
        except Exception:  # of any driver, or no answer in time
            found = None
        reachable = GaugeMetricFamily("turing_database_up", "1 when the database answers.")
        reachable.add_metric([], 0 if found is None else 1)
        yield reachable
        yield from found or ()


_job_metrics = Bounded(job_metrics, seconds=PATIENCE_SECONDS, keeps=0.5)
