"""Runs what looks at a checkpoint apart from sampling: films, mixtures of styles, nearest images."""

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from generation.gan.films import film_frames, save_film, style_mixing
from generation.gan.grids import grid_png
from generation.gan.projector import project
from generation.gan.sampling import LoadedGenerator, load_generator, sample_block
from generation.models import Checkpoint
from generation.tool_parameters import ToolParameters
from imaging.models import Image
from imaging.rendering import render_square
from imaging.storage import load_pixels
from worker.registry import JobContext, JobError

FRAMES_PER_SECOND = 12
FILM_SIDE = 224  # pixels: smaller images are enlarged to about this


def run_tool(context: JobContext, parameters: ToolParameters) -> dict[str, Any]:
    """Make what `parameters.tool` names, as a file of the job. Raises JobError, in words, when it cannot be made."""
    checkpoint = (
        Checkpoint.objects.select_related("run__job", "foreign__job").filter(pk=parameters.checkpoint_id).first()
    )
    if checkpoint is None:  # it was among the best when this was asked for, and a better one has replaced it since
        raise JobError("The state that was to be looked into is no longer kept. Choose another one.")
    foreign = checkpoint.foreign
    if foreign is not None and foreign.declaration["format"] != "safetensors":
        raise JobError("A TorchScript or ONNX file can be sampled, but not looked into: its inner parts have no names.")
    make = {"film": _film, "mixing": _mixing, "projection": _projection}[parameters.tool]
    try:
        generator = load_generator(checkpoint.path, sha256=checkpoint.sha256, options=parameters.options)
        if parameters.label and parameters.label not in generator.classes:
            raise ValueError(f"There is no class “{parameters.label}”; there are {', '.join(generator.classes)}.")
        context.device(f"{'CPU' if generator.device == 'cpu' else 'CUDA GPU'}, float32")
        return make(context, generator, parameters)
    except ValueError as error:
        raise JobError(str(error)) from error


def _film(context: JobContext, generator: LoadedGenerator, parameters: ToolParameters) -> dict[str, Any]:
    classes = [generator.classes.index(parameters.label)] if parameters.label else range(len(generator.classes))
    frames = []
    total = parameters.stops * parameters.steps
    for frame in film_frames(
        generator,
        seed=parameters.seed,
        class_indices=list(classes),
        columns=parameters.columns,
        stops=parameters.stops,
        steps=parameters.steps,
        before_each=context.raise_if_stopped,
    ):
        frames.append(frame)
        context.progress(len(frames), total, "frames", "Drawing")
    path = context.directory / "film.webp"
    save_film(path, frames, frames_per_second=FRAMES_PER_SECOND, scale=max(1, FILM_SIDE // frames[0].shape[-1]))
    context.artefact(path, kind="grid", step=0)
    return {"frames": len(frames), "classes": [generator.classes[index] for index in classes]}


def _mixing(context: JobContext, generator: LoadedGenerator, parameters: ToolParameters) -> dict[str, Any]:
    class_index = generator.classes.index(parameters.label) if parameters.label else 0
    grid = style_mixing(
        generator,
        seed=parameters.seed,
        class_index=class_index,
        columns=parameters.columns,
        crossover=parameters.crossover,
    )
    _show(context, "mixing.png", grid)
    return {"class": generator.classes[class_index], "crossover": parameters.crossover}


def _projection(context: JobContext, generator: LoadedGenerator, parameters: ToolParameters) -> dict[str, Any]:
    image = Image.objects.select_related("dataset").filter(pk=parameters.image_id).first()
    if image is None:
        raise ValueError("The image is no longer there. Choose another one.")
    side = sample_block(generator, seed=0, class_index=0, block=0, block_size=1).shape[-1]
    wanted = render_square(load_pixels(image), side)

    def progress(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "steps", "Searching")

    class_index = generator.classes.index(parameters.label) if parameters.label else None
    found = project(
        generator, wanted, seed=parameters.seed, class_index=class_index, steps=parameters.steps, progress=progress
    )
    difference = np.abs(found.image.astype(np.int16) - wanted).astype(np.uint8)
    _show(context, "nearest.png", np.stack([wanted, found.image, found.nearest_random, 255 - difference])[None])
    for step, distance in enumerate(found.curve):
        context.metric(step, distance=distance)
    result = {
        "image": str(image.pk),
        "dataset": image.dataset.name,
        "class": generator.classes[found.class_index],
        "mean_difference_grey_levels": round(found.mean_difference, 3),
        "distance": round(found.distance, 5),
        "distance_of_nearest_random": round(found.random_distance, 5),
        "random_images": found.random_images,
        "pictures": "the image, the nearest that was found, the nearest random one, the difference (dark)",
    }
    latents = {"latent": found.latent.tolist(), "w": None if found.style is None else found.style.tolist()}
    path = context.directory / "latent.json"
    path.write_text(json.dumps({**result, **latents}))
    context.artefact(path, kind="file")
    return result


def _show(context: JobContext, name: str, images: NDArray[np.uint8]) -> None:
    path = context.directory / name
    path.write_bytes(grid_png(images, scale=max(1, FILM_SIDE // images.shape[-1])))
    context.artefact(path, kind="grid", step=0)
