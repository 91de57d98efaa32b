"""What the card of a synthetic dataset says of its generator: which one, which checkpoint, how it was sampled."""

from generation.models import SampleRun
from imaging.cards.content import Part
from imaging.models import Dataset
from imaging.selectors import made_with


def describe_generator(dataset: Dataset) -> Part | None:
    if dataset.origin != Dataset.Origin.SYNTHETIC:
        return None
    sampled = SampleRun.objects.select_related("checkpoint__run__dataset", "checkpoint__foreign")
    run = sampled.filter(dataset=dataset).order_by("-created_at").first()
    if run is None:
        words = made_with(dataset.images.all()[:1])
        return Part(title="Generator", facts=(("Made with", words or "not known"),))
    checkpoint = run.checkpoint
    facts = [("Generator", str(checkpoint.origin))]
    if checkpoint.run is not None:
        facts += [
            ("Kind", checkpoint.run.generator),
            ("Trained on", checkpoint.run.dataset.name),
            ("Real images seen", f"{checkpoint.images_seen:,}"),
        ]
    elif checkpoint.foreign is not None:
        facts.append(("Made with", checkpoint.foreign.made_with))
    facts += [
        ("Checkpoint (SHA-256)", checkpoint.sha256),
        ("Drawn with seed", str(run.seed)),
        ("Precision", run.precision),
        ("Truncation", f"{run.truncation:g}"),
    ]
    return Part(title="Generator", facts=tuple(facts))
