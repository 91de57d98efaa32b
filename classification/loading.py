"""A trained classifier from its record, ready to score images: its file, and what its backbone began with."""

from pathlib import Path
from typing import Any

from classification.cnn.backbones import BackboneWeights, list_weights
from classification.cnn.checkpoint import load_classifier
from classification.cnn.feature_cache import Extractor
from classification.cnn.head_training import Head
from classification.cnn.training import from_file
from classification.models import Classifier
from worker.compute.weights import WeightsError
from worker.weight_files import weights_folder


def open_classifier(classifier: Classifier, *, device: str) -> tuple[Extractor, Head]:
    """Raises WeightsError, in words, when its file or that of its backbone's weights is missing or has changed."""
    data = load_classifier(classifier.path, sha256=classifier.sha256)
    weights = None
    if data.backbone_state is None:
        weights = find_weights(classifier.experiment.weights, backbone=data.backbone)
    try:
        return from_file(data, classifier.path, weights=weights, device=device)
    except WeightsError:
        raise
    except ValueError as error:
        raise WeightsError(str(error)) from error


def find_weights(described: dict[str, Any], *, backbone: str) -> BackboneWeights:
    """What an experiment's backbone begins with: {"kind": "none" | "file" | "classifier", "file", "classifier"}.

    Raises WeightsError when the file is not there any more, or the classifier's is not as it was recorded.
    """
    kind = described.get("kind", "none")
    if kind == "classifier":
        classifier = Classifier.objects.select_related("experiment__job").get(pk=described["classifier"])
        load_classifier(classifier.path, sha256=classifier.sha256)
        return BackboneWeights(kind="trained_here", path=classifier.path)
    if kind == "file":
        return _file_weights(described["file"], weights_folder(), backbone)
    return BackboneWeights(seed=0)


def _file_weights(name: str, folder: Path, backbone: str) -> BackboneWeights:
    found = [one for one in list_weights(folder, backbone) if one.path and one.path.name == name]
    if not found:
        raise WeightsError(
            f"The file {name} is not in the folder of weights any more, or not called as weights for {backbone} are; "
            "the manual has the names."
        )
    return found[0]
