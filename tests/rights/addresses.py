"""Every address of the investigators' pages, with what its ids are ids of."""

from django.urls import URLPattern, URLResolver, get_resolver, reverse

from tests.rights.population import Population

# name of the address -> the records that its ids name, in order; a word after "=" stands as it is
NAMES = {
    "home": "",
    "projects:project_list": "",
    "projects:project_new": "",
    "projects:project_detail": "project",
    "projects:member_add": "project",
    "projects:member_change": "project user",
    "projects:member_remove": "project user",
    "imaging:dataset_list": "",
    "imaging:deleted_list": "",
    "imaging:import_new": "",
    "imaging:import_folder": "",
    "imaging:import_pacs": "",
    "imaging:check_name": "",
    "imaging:upload_begin": "",
    "imaging:upload_part": "upload",
    "imaging:upload_discard": "upload",
    "imaging:import_result": "import",
    "imaging:import_retry": "import",
    "imaging:region_task_list": "",
    "imaging:my_regions": "",
    "imaging:region_task_new": "dataset",
    "imaging:region_pixels": "image",
    "imaging:region_task": "task",
    "imaging:region_annotator_add": "task",
    "imaging:region_task_close": "task",
    "imaging:region_task_reopen": "task",
    "imaging:region_task_delete": "task",
    "imaging:region_crops_start": "task",
    "imaging:regions_csv": "task",
    "imaging:regions_json": "task",
    "imaging:region_draw": "task",
    "imaging:region_image": "task =1",
    "imaging:region_agreement": "task",
    "imaging:region_adjudicate": "task",
    "imaging:region_adjudicate_image": "task =1",
    "imaging:image_detail": "image",
    "imaging:image_original": "image",
    "imaging:image_view": "image",
    "imaging:image_thumbnail": "image",
    "imaging:quarantine_item": "quarantined",
    "imaging:quarantine_view": "quarantined",
    "imaging:quarantine_thumbnail": "quarantined",
    "imaging:duplicates_report": "duplicates",
    "imaging:duplicates_file": "duplicates",
    "imaging:card_file": "dataset =md",
    **{
        f"imaging:{name}": "dataset"
        for name in (
            *("quarantine_list", "quarantine_move", "sign_off_list", "dataset_detail", "dataset_include"),
            *("dataset_flow_chart", "dataset_split", "dataset_card", "dataset_export", "dataset_versions", "card_edit"),
            *("dataset_duplicates", "dataset_freeze", "dataset_delete"),
        )
    },
    "generation:run_list": "",
    "generation:run_new": "",
    "generation:run_compare": "",
    "generation:run_detail": "run",
    "generation:run_continue": "run",
    "generation:run_sample": "run",
    "generation:sample_discard": "sample_run",
    "generation:dataset_measures": "synthetic",
    "generation:measure_detail": "measures",
    "generation:measure_pairs": "measures",
    "generation:measure_file": "measures =figure.svg",
    "generation:tool_start": "checkpoint",
    "generation:foreign_new": "",
    **{f"generation:foreign_{name}": "foreign" for name in ("detail", "accept", "discard", "sample")},
    "classification:experiment_list": "",
    "classification:experiment_new": "",
    "classification:classifier_detail": "classifier",
    "classification:classifier_file": "classifier",
    "classification:explanation_detail": "explanation",
    "classification:experiment_detail": "experiment",
    "classification:experiment_archive": "experiment",
    "classification:experiment_file": "experiment =roc.svg",
    "classification:study_scores": "closed",
    "classification:dataset_scores": "dataset",
    "classification:scoring_detail": "scoring",
    "classification:scoring_explain": "scoring",
    "classification:scoring_csv": "scoring",
    "classification:dataset_screenings": "dataset",
    **{f"classification:screening_{name}": "screening" for name in ("detail", "check", "make", "csv", "queue")},
    "classification:screening_decide": "screening =1",
    "classification:screening_act": "screening =stop",
    "worker:job_list": "",
    "worker:workers": "",
    **{
        f"worker:{name}": "job"
        for name in (
            *("job_detail", "job_panel", "job_log", "job_log_file", "job_series", "job_series_file", "job_cancel"),
            "job_resume",
        )
    },
    "worker:job_artefact": "job artefact",
    "turing:study_list": "",
    "turing:study_create": "",
    "turing:planning": "",
    "turing:plan_detail": "plan",
    "turing:plan_file": "plan =csv",
    "turing:matching_count": "=real",
    "turing:study_edit": "draft",
    "turing:study_delete": "draft",
    "turing:study_open": "draft",
    **{
        f"turing:{name}": "study"
        for name in (
            *("study_detail", "study_clone", "second_session_create", "study_close", "study_progress"),
            *("invitation_create", "preview", "preview_instructions", "preview_phase", "preview_done"),
            *("preview_attend", "preview_current", "preview_continue", "preview_answer"),
        )
    },
    "turing:preview_stimulus": "study =made-up",
    "turing:invitation_revoke": "invitation",
    **{f"turing:{name}": "closed" for name in ("study_results", "study_answers_csv", "study_images", "study_reports")},
    "turing:study_image_png": "closed =1 =0",
    "turing:study_image_heat": "closed =1 =0",
    "turing:report_detail": "report",
    "turing:report_remove": "report",
    "turing:report_file": "report =report.pdf",
    "turing:comparisons": "",
    "turing:answer_tables": "",
    "turing:answer_table_example": "",
    "turing:answer_table_columns": "upload",
    "turing:answer_table_forget": "upload",
    "turing:answer_table": "table",
    "turing:answer_table_remove": "table",
    **{
        f"api:{name}": ""
        for name in (
            *("projects", "uploads", "upload_whole", "imports", "datasets", "region_tasks", "presets", "runs"),
            *("foreign_generators", "samples", "measures", "experiments", "classifiers", "scorings", "screenings"),
            *("studies", "jobs", "reference"),
        )
    },
    "api:upload": "upload",
    "api:upload_part": "upload",
    "api:image": "image",
    "api:image_pixels": "image",
    "api:regions": "task",
    "api:run": "run",
    "api:run_checkpoints": "run",
    "api:sample": "sample_run",
    "api:measure_file": "measures =figure.svg",
    "api:experiment": "experiment",
    "api:scoring": "scoring",
    "api:scoring_scores": "scoring",
    "api:invitation_revoke": "invitation",
    "api:report": "report",
    "api:report_file": "report =report.pdf",
    "api:job_artefact": "job artefact",
    **{f"api:dataset{part}": "dataset" for part in ("", "_images", "_split", "_include", "_freeze")},
    **{f"api:job{part}": "job" for part in ("", "_cancel", "_resume", "_log", "_metrics", "_artefacts")},
    **{f"api:study{part}": "study" for part in ("", "_close", "_readers", "_invitations")},
    "api:study_open": "draft",
    **{f"api:study_{part}": "closed" for part in ("results", "answers", "answers_csv", "reports")},
}
# Of people, for administrators alone: name -> how many ids of a user it has.
OF_ADMINISTRATORS = {
    **dict.fromkeys(("accounts:people", "accounts:invitations", "accounts:sign_ins", "privacy:retention"), 0),
    **dict.fromkeys(("privacy:person_export", "privacy:person_erase"), 1),
    **{
        f"accounts:person{verb}": 1
        for verb in ("", "_lift_lockout", "_deactivate", "_reactivate", "_reset_second_factor", "_end_sessions")
    },
}
# Of readers and of one's own account, in no project: their rights are tested where they are made.
ELSEWHERE = {
    *("turing:my_studies", "turing:invite", "accounts:account", "accounts:end_session", "accounts:join"),
    *("accounts:invitation_revoke", "privacy:own_export", "sso_login", "sso_callback"),
}
ELSEWHERE_BEFORE = (
    "turing:read",
    "api:reading",
    "api:token",
    "api:None",
    "admin:",
    "sso_",
    "account_",
    "mfa_",
    "socialaccount_",
    "openid_connect_",
    "usersessions_",
    "operations:",  # of administrators: tests/worker/test_stuck.py
)


def address(name: str, population: Population) -> str:
    """With the ids of the population's records, without a project in front."""
    ids = [
        word[1:] if word.startswith("=") else str(population.records[word].pk) for word in NAMES[name].split()
    ]  # fmt: skip
    converted = [int(one) if one.isdecimal() else one for one in ids]
    return reverse(name, args=converted)


def names_of_the_site() -> set[str]:
    """Every named address that this matrix has to know."""
    return {
        name for name in _names(get_resolver(), "") if name not in ELSEWHERE and not name.startswith(ELSEWHERE_BEFORE)
    }


def _names(resolver: URLResolver, before: str) -> set[str]:
    found = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            found.add(f"{before}{pattern.name}")
        else:
            inner = f"{before}{pattern.namespace}:" if pattern.namespace else before
            found |= _names(pattern, inner)
    return found
