"""Does an import become slower as the library grows? The same archive into a library of 1,000 and of 100,000 images.

`python benchmarks/import_library.py` from the root of the project. Two data directories are filled with small pictures,
file and row each; then the same archive (PNG, 256 x 256) is imported into both in turns, each import in a process of
its own, and its dataset is removed again. The smaller library is the baseline.

    python benchmarks/import_library.py --small 1000 --large 100000 --images 1000 --turns 5
"""

import argparse
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of an import in a small and in a large library.")
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=1000, help="in the archive")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--fill", type=int, help=argparse.SUPPRESS)  # in a process of its own
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)  # as well
    options = parser.parse_args()
    if options.fill:
        fill(options.fill)
        return
    if options.source:
        print(json.dumps(import_once(options.source)))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="library-benchmark-") as folder:
        archive = Path(folder) / "a.zip"
        write_archive(archive, options.images)
        libraries = {size: Path(folder) / str(size) for size in (options.small, options.large)}
        for size, data in libraries.items():
            data.mkdir()
            began = time.perf_counter()
            run(data, "--fill", str(size))
            print(f"  library of {size:,} images filled in {time.perf_counter() - began:.0f} s")
        rates: dict[int, list[float]] = {size: [] for size in libraries}
        for _ in range(options.turns):
            for size, data in libraries.items():
                seconds = json.loads(run(data, "--source", str(archive)).splitlines()[-1])
                rates[size].append(options.images / seconds)
    medians = {size: statistics.median(found) for size, found in rates.items()}
    for size, found in rates.items():
        turns = ", ".join(f"{rate:.0f}" for rate in found)
        print(f"  into {size:7,} images  {medians[size]:6.1f} images/s  (turns {turns})")
    print(f"  ratio {medians[options.large] / medians[options.small]:.2f} (wanted: at least 0.90)")


def run(data: Path, *arguments: str) -> str:
    environment = {**os.environ, "DATA_DIR": str(data), "SECRET_KEY": "of a benchmark", "DATABASE_URL": ""}
    command = [sys.executable, __file__, *arguments]
    return subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def set_up_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


def fill(count: int) -> None:
    """Datasets of 10,000 images of 8 x 8 pixels: what counts is how many files and rows there are."""
    set_up_django()
    from django.core.management import call_command

    from imaging.models import Dataset, Image
    from imaging.storage import PixelBatch

    call_command("migrate", verbosity=0)
    for start in range(0, count, 10_000):
        dataset = Dataset.objects.create(name=f"Filled {start}", origin="real")
        batch, images = PixelBatch(), []
        for number in range(start, min(count, start + 10_000)):
            pixels = np.random.default_rng(number).integers(0, 256, (8, 8), dtype=np.uint8)
            stored = batch.add(pixels)
            images.append(
                Image(
                    dataset=dataset,
                    pixel_sha256=stored.sha256,
                    width=8,
                    height=8,
                    bit_depth=8,
                    label="normal",
                    patient_pseudonym=f"{number // 3:032x}",
                    sex="F",
                    view_position="PA",
                )
            )
        batch.flush()
        Image.objects.bulk_create(images, batch_size=1000)


def import_once(source: Path) -> float:
    """Seconds that it took."""
    set_up_django()
    from imaging.intake.foreground import ForegroundContext
    from imaging.intake.importing import run_import
    from imaging.intake.parameters import ImportParameters
    from imaging.models import Dataset
    from imaging.services import delete_dataset

    with tempfile.TemporaryDirectory(dir=os.environ["DATA_DIR"]) as directory:
        began = time.perf_counter()
        run_import(
            ForegroundContext(directory=Path(directory), on_progress=lambda *_: None),
            ImportParameters(source=str(source), dataset_name="Benchmark"),
        )
        seconds = time.perf_counter() - began
    delete_dataset(dataset=Dataset.objects.get(name="Benchmark"))
    return seconds


def write_archive(path: Path, count: int) -> None:
    from PIL import Image

    rng = np.random.default_rng(1)
    smooth = np.add.outer(np.arange(256), np.arange(256)) // 3
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            buffer = io.BytesIO()
            noisy = np.clip(smooth + rng.integers(0, 24, (256, 256)), 0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(buffer, format="PNG", compress_level=1)
            archive.writestr(f"normal/{number:05d}.png", buffer.getvalue())


if __name__ == "__main__":
    main()
