"""Jobs in numbers: how many wait, run and ended, how long they took, how old the last sign of life is."""

from django.db import connection
from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Sum
from django.db.models.functions import Now
from prometheus_client.core import Metric
from prometheus_client.metrics_core import GaugeMetricFamily, SummaryMetricFamily

from worker.models import Job

HELD = (Job.State.RUNNING, Job.State.CANCELLING)


def job_metrics() -> list[Metric]:
    """All of them, from a constant number of queries. Closes its thread's connection to the database."""
    try:
        return [_counts(), _waiting(), _durations(), _heartbeats()]
    finally:
        connection.close()


def _counts() -> Metric:
    gauge = GaugeMetricFamily("turing_jobs", "Jobs on record.", labels=["kind", "queue", "state"])
    jobs = Job.anywhere.order_by().values_list("kind", "queue", "state")
    for kind, queue, state, number in jobs.annotate(number=Count("pk")):
        gauge.add_metric([kind, queue, state], number)
    return gauge


def _waiting() -> Metric:
    """Every queue has its line, 0 when nothing waits, so that an alarm can be set on it."""
    gauge = GaugeMetricFamily(
        "turing_jobs_oldest_waiting_seconds", "How long the oldest queued job has waited, s.", labels=["queue"]
    )
    waiting = Job.anywhere.filter(state=Job.State.QUEUED).order_by().values("queue")
    ages = {
        row["queue"]: (row["now"] - row["oldest"]).total_seconds()
        for row in waiting.annotate(oldest=Min("queued_at"), now=Now())
    }
    for queue in sorted({*Job.Queue.values, *ages}):
        gauge.add_metric([queue], max(ages.get(queue, 0.0), 0.0))
    return gauge


def _durations() -> Metric:
    """Of last attempts."""
    summary = SummaryMetricFamily(
        "turing_job_seconds", "Time that jobs took in the attempt that ended them, s.", labels=["kind", "state"]
    )
    took = ExpressionWrapper(F("finished_at") - F("attempt_started_at"), output_field=DurationField())
    ended = Job.anywhere.filter(state__in=Job.FINAL, attempt_started_at__isnull=False, finished_at__isnull=False)
    rows = ended.order_by().values_list("kind", "state").annotate(number=Count("pk"), total=Sum(took))
    for kind, state, number, total in rows:
        summary.add_metric([kind, state], count_value=number, sum_value=total.total_seconds())
    return summary


def _heartbeats() -> Metric:
    gauge = GaugeMetricFamily(
        "turing_jobs_heartbeat_age_seconds",
        "Since the last sign of life of the running job that has been silent for longest, s.",
        labels=["queue"],
    )
    held = Job.anywhere.filter(state__in=HELD, heartbeat_at__isnull=False).order_by().values("queue")
    for row in held.annotate(oldest=Min("heartbeat_at"), now=Now()):
        gauge.add_metric([row["queue"]], max((row["now"] - row["oldest"]).total_seconds(), 0.0))
    return gauge
