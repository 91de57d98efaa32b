"""Storage of static files under names with a hash of their content, also where one JavaScript module imports another.

Without the second part a browser could run a page's new entry module with an old module from its cache.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    support_js_module_import_aggregation = True
    # only our own modules: those of other packages may import names that are no files
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )
