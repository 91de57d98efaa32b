"""Pages on datasets and images, for investigators only."""

from imaging.views.datasets import dataset_delete, dataset_detail, dataset_list, deleted_list
from imaging.views.images import image_detail, image_original, image_thumbnail, image_view
from imaging.views.imports import check_name, import_new, import_result, import_retry
from imaging.views.including import dataset_flow_chart, dataset_include
from imaging.views.splits import dataset_freeze, dataset_split
from imaging.views.uploads import upload_begin, upload_discard, upload_part

__all__ = [
    "check_name",
    "dataset_delete",
    "dataset_detail",
    "dataset_flow_chart",
    "dataset_freeze",
    "dataset_include",
    "dataset_list",
    "dataset_split",
    "deleted_list",
    "image_detail",
    "image_original",
    "image_thumbnail",
    "image_view",
    "import_new",
    "import_result",
    "import_retry",
    "upload_begin",
    "upload_discard",
    "upload_part",
]
