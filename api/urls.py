"""Addresses of the API and of its pages."""

from django.urls import path, re_path

from api import classifiers, datasets, generators, jobs, pages, projects, reading, reference, results, studies, uploads

app_name = "api"
job_patterns = [
    path("jobs/", jobs.JobList.as_view(), name="jobs"),
    path("jobs/<uuid:pk>/", jobs.JobDetail.as_view(), name="job"),
    path("jobs/<uuid:pk>/cancel/", jobs.JobCancel.as_view(), name="job_cancel"),
    path("jobs/<uuid:pk>/resume/", jobs.JobResume.as_view(), name="job_resume"),
    path("jobs/<uuid:pk>/log/", jobs.JobLog.as_view(), name="job_log"),
    path("jobs/<uuid:pk>/metrics/", jobs.JobMetrics.as_view(), name="job_metrics"),
    path("jobs/<uuid:pk>/artefacts/", jobs.JobArtefacts.as_view(), name="job_artefacts"),
    path("jobs/<uuid:pk>/artefacts/<int:artefact>/", jobs.JobArtefactFile.as_view(), name="job_artefact"),
]
dataset_patterns = [
    path("projects/", projects.ProjectList.as_view(), name="projects"),
    path("uploads/", uploads.UploadList.as_view(), name="uploads"),
    path("uploads/whole/", uploads.UploadWhole.as_view(), name="upload_whole"),
    path("uploads/<uuid:pk>/", uploads.UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:pk>/parts/", uploads.UploadPart.as_view(), name="upload_part"),
    path("imports/", uploads.ImportStart.as_view(), name="imports"),
    path("datasets/", datasets.DatasetList.as_view(), name="datasets"),
    path("datasets/<uuid:pk>/", datasets.DatasetDetail.as_view(), name="dataset"),
    path("datasets/<uuid:pk>/images/", datasets.DatasetImages.as_view(), name="dataset_images"),
    path("datasets/<uuid:pk>/split/", datasets.DatasetSplit.as_view(), name="dataset_split"),
    path("datasets/<uuid:pk>/include/", datasets.DatasetInclude.as_view(), name="dataset_include"),
    path("datasets/<uuid:pk>/freeze/", datasets.DatasetFreeze.as_view(), name="dataset_freeze"),
    path("images/<uuid:pk>/", datasets.ImageDetail.as_view(), name="image"),
    path("images/<uuid:pk>/pixels/", datasets.ImagePixels.as_view(), name="image_pixels"),
    path("region-tasks/", datasets.RegionTaskList.as_view(), name="region_tasks"),
    path("region-tasks/<uuid:pk>/regions/", datasets.RegionList.as_view(), name="regions"),
]
model_patterns = [
    path("presets/", generators.PresetList.as_view(), name="presets"),
    path("training-runs/", generators.RunList.as_view(), name="runs"),
    path("training-runs/<uuid:pk>/", generators.RunDetail.as_view(), name="run"),
    path("training-runs/<uuid:pk>/checkpoints/", generators.RunCheckpoints.as_view(), name="run_checkpoints"),
    path("foreign-generators/", generators.ForeignList.as_view(), name="foreign_generators"),
    path("samples/", generators.SampleList.as_view(), name="samples"),
    path("samples/<uuid:pk>/", generators.SampleDetail.as_view(), name="sample"),
    path("measures/", generators.MeasureList.as_view(), name="measures"),
    path("measures/<uuid:pk>/files/<str:name>/", generators.MeasureFile.as_view(), name="measure_file"),
    path("experiments/", classifiers.ExperimentList.as_view(), name="experiments"),
    path("experiments/<uuid:pk>/", classifiers.ExperimentDetail.as_view(), name="experiment"),
    path("classifiers/", classifiers.ClassifierList.as_view(), name="classifiers"),
    path("scorings/", classifiers.ScoringList.as_view(), name="scorings"),
    path("scorings/<uuid:pk>/", classifiers.ScoringDetail.as_view(), name="scoring"),
    path("scorings/<uuid:pk>/scores/", classifiers.ScoringScores.as_view(), name="scoring_scores"),
    path("screenings/", classifiers.ScreeningList.as_view(), name="screenings"),
]
study_patterns = [
    path("studies/", studies.StudyList.as_view(), name="studies"),
    path("studies/<uuid:pk>/", studies.StudyDetail.as_view(), name="study"),
    path("studies/<uuid:pk>/open/", studies.StudyOpen.as_view(), name="study_open"),
    path("studies/<uuid:pk>/close/", studies.StudyClose.as_view(), name="study_close"),
    path("studies/<uuid:pk>/readers/", studies.StudyProgress.as_view(), name="study_readers"),
    path("studies/<uuid:pk>/invitations/", studies.StudyInvitations.as_view(), name="study_invitations"),
    path("invitations/<uuid:pk>/revoke/", studies.InvitationRevoke.as_view(), name="invitation_revoke"),
    path("studies/<uuid:pk>/results/", results.StudyResultsView.as_view(), name="study_results"),
    path("studies/<uuid:pk>/answers/", results.StudyAnswers.as_view(), name="study_answers"),
    path("studies/<uuid:pk>/answers.csv", results.StudyAnswersCsv.as_view(), name="study_answers_csv"),
    path("studies/<uuid:pk>/reports/", results.StudyReports.as_view(), name="study_reports"),
    path("reports/<uuid:pk>/", results.ReportDetail.as_view(), name="report"),
    path("reports/<uuid:pk>/files/<path:name>", results.ReportFile.as_view(), name="report_file"),
]
reading_patterns = [
    path("reading/", reading.SessionList.as_view(), name="reading"),
    path("reading/join/", reading.Join.as_view(), name="reading_join"),
    path("reading/<uuid:pk>/", reading.SessionDetail.as_view(), name="reading_session"),
    path("reading/<uuid:pk>/start/", reading.Start.as_view(), name="reading_start"),
    path("reading/<uuid:pk>/continue/", reading.Continue.as_view(), name="reading_continue"),
    path("reading/<uuid:pk>/current/", reading.CurrentImage.as_view(), name="reading_current"),
    path("reading/<uuid:pk>/stimulus/<str:token>/", reading.Stimulus.as_view(), name="reading_stimulus"),
    path("reading/<uuid:pk>/answer/", reading.Answer.as_view(), name="reading_answer"),
]
v1_patterns = [*dataset_patterns, *model_patterns, *job_patterns, *study_patterns, *reading_patterns]
urlpatterns = [
    path("api/", reference.reference, name="reference"),
    path("api/tokens/", pages.token_list, name="token_list"),
    path("api/tokens/<uuid:pk>/revoke/", pages.token_revoke, name="token_revoke"),
    *(path(f"api/v1/{one.pattern}", one.callback, name=one.name) for one in v1_patterns),
    re_path(r"^api/", pages.not_there),
]
