"""A whole import of DICOM files against the loop that everybody writes: pydicom, window, 8 bits, Pillow, PNG.

`python benchmarks/dicom_import.py` from the root of the project. The import is the one that the site runs: it checks,
hashes, writes and records each image besides. Both take the same files from the same folder, in processes of their own,
in turns; the pixels that they made are compared. The files are made of `../shared/data/nih-cxr-1024` where that is
there, else of phantoms: 12 bits with noise in the lowest four, each file another one.

Baselines: the loop as one writes it (PNG at Pillow's compression level 6), and the same with the level that the import
uses (4), which shows what the threads and the look-up are worth without it.

    python benchmarks/dicom_import.py                                 100 files of 1024 x 1024, three turns
    python benchmarks/dicom_import.py --size 2048 --target 1024       the same scaled from 2048 x 2048
    python benchmarks/dicom_import.py --memory-files 5000 --size 512       memory of one import while it runs
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
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LEVELS = {"plain": 6, "plain, level 4": 4}


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed and memory of an import of DICOM files.")
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--size", type=int, default=1024, help="rows and columns")
    parser.add_argument("--target", type=int, default=0, help="scale them to so many rows and columns")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--memory-files", type=int, help="measure memory with so many files instead")
    parser.add_argument("--one", choices=[*LEVELS, "import"], help=argparse.SUPPRESS)  # in a process of its own
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(run_import_job(options) if options.one == "import" else run_plain(options)))
        return
    print(f"{platform.platform()}, Python {platform.python_version()}, {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory(prefix="dicom-benchmark-") as folder:
        source = Path(folder) / "source"
        make_files(source / "normal", options.memory_files or options.files, options.size)
        if options.memory_files:
            show_memory(measure("import", source, folder, options), options)
        else:
            show_speed(source, folder, options)


def show_speed(source: Path, folder: str, options: argparse.Namespace) -> None:
    scaled = f" scaled to {options.target} x {options.target}" if options.target else ""
    print(f"{options.files} files of {options.size} x {options.size}{scaled}, load {os.getloadavg()[0]:.1f} before")
    measure("import", source, folder, options)  # the files are in the system's memory from now on
    found: dict[str, list[float]] = {name: [] for name in (*LEVELS, "import")}
    pictures: dict[str, list[str]] = {}
    for _ in range(options.turns):
        for name in found:
            measured = measure(name, source, folder, options)
            found[name].append(measured["seconds"])
            pictures[name] = measured["pixels"]
    same = len({tuple(hashes) for hashes in pictures.values()}) == 1
    ours = statistics.median(found["import"])
    for name, seconds in found.items():
        median = statistics.median(seconds)
        print(
            f"  {name:15s} {options.files / median:6.1f} images/s  (turns {', '.join(f'{s:.2f}' for s in seconds)} s)"
            f"  the import is {median / ours:.2f} times as fast"
        )
    print(f"  pixels of all {len(pictures['import'])} images identical: {'yes' if same else 'NO'}")


def show_memory(measured: dict, options: argparse.Namespace) -> None:
    print(f"one import of {options.memory_files} files of {options.size} x {options.size}")
    early, late = measured["memory"]["0.1"], measured["memory"]["1.0"]
    for share, mib in measured["memory"].items():
        print(f"  after {float(share):4.0%} of the files  {mib:6.1f} MiB")
    print(f"  growth from 10 % to the end: {late - early:.1f} MiB (baseline {early:.1f} MiB, ratio {late / early:.2f})")


def measure(name: str, source: Path, folder: str, options: argparse.Namespace) -> dict:
    arguments = [sys.executable, __file__, "--one", name, "--source", str(source), "--target", str(options.target)]
    with tempfile.TemporaryDirectory(dir=folder) as data:
        environment = {**os.environ, "DATA_DIR": data, "SECRET_KEY": "of a benchmark", "DATABASE_URL": ""}
        environment |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        done = subprocess.run(arguments, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def run_plain(options: argparse.Namespace) -> dict:
    """One process, one file after the other."""
    from PIL import Image
    from pydicom import dcmread
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    target = Path(os.environ["DATA_DIR"]) / "png"
    target.mkdir()
    began = time.perf_counter()
    for path in sorted(options.source.rglob("*.dcm")):
        header = dcmread(path)
        shown = apply_voi_lut(apply_modality_lut(header.pixel_array, header), header)
        largest = 2**header.BitsStored - 1  # what pydicom's window reaches
        grey = np.clip(np.rint(shown / largest * 255), 0, 255).astype(np.uint8)
        if options.target:
            scaled = Image.fromarray(grey.astype(np.float32)).resize([options.target] * 2, Image.Resampling.HAMMING)
            grey = np.rint(np.asarray(scaled)).astype(np.uint8)
        Image.fromarray(grey).save(target / f"{path.stem}.png", compress_level=LEVELS[options.one])
    seconds = time.perf_counter() - began
    set_up_django()
    from imaging.storage import pixel_sha256

    pictures = sorted(pixel_sha256(np.array(Image.open(path))) for path in target.iterdir())
    return {"seconds": seconds, "pixels": pictures}


def run_import_job(options: argparse.Namespace) -> dict:
    """The site's own import, with its checks and its database."""
    set_up_django()
    from django.core.management import call_command

    from imaging.intake.foreground import ForegroundContext
    from imaging.intake.importing import run_import
    from imaging.intake.parameters import ImportParameters
    from imaging.models import Image

    call_command("migrate", verbosity=0)
    memory: dict[str, float] = {}

    def look(done: int, total: int, unit: str, message: str) -> None:
        share = round(2 * done / total, 3)  # a job counts each file twice: read and stored
        if share in (0.05, 0.1, 0.25, 0.5, 0.75, 1.0):
            memory[str(share)] = resident_mib()

    directory = Path(os.environ["DATA_DIR"]) / "job"
    directory.mkdir()
    began = time.perf_counter()
    run_import(
        ForegroundContext(directory=directory, on_progress=look),
        ImportParameters(source=str(options.source), dataset_name="Benchmark", size=options.target),
    )
    seconds = time.perf_counter() - began
    hashes = sorted(Image.objects.values_list("pixel_sha256", flat=True))
    return {"seconds": seconds, "pixels": hashes, "memory": memory}


def set_up_django() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django

    django.setup()


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def make_files(folder: Path, count: int, size: int) -> None:
    from tests.imaging.dicom.builders import make_header

    folder.mkdir(parents=True)
    pictures = list(base_pictures(size))
    rng = np.random.default_rng(0)
    for number in range(count):
        noisy = pictures[number % len(pictures)] + rng.integers(0, 16, (size, size), dtype=np.uint16)
        buffer = io.BytesIO()
        header = make_header(noisy.astype(np.uint16), WindowCenter=2048, WindowWidth=4096, PatientID=f"P{number}")
        header.save_as(buffer, enforce_file_format=True)
        (folder / f"{number:05d}.dcm").write_bytes(buffer.getvalue())


def base_pictures(size: int):
    """Twelve-bit values whose lowest four bits are zero."""
    from PIL import Image

    real = sorted((ROOT.parent / "shared/data/nih-cxr-1024").rglob("*.png"))[:24]
    if real:
        print(f"pictures: {len(real)} NIH radiographs")
    else:
        from imaging.phantoms import chest_phantom

        print("pictures: 8 phantoms")
    for number in range(len(real) or 8):
        picture = (
            Image.open(real[number]).convert("L")
            if real
            else Image.fromarray(chest_phantom(seed=number, size=size, lesion=False))
        )
        yield np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC), dtype=np.uint16) * 16


if __name__ == "__main__":
    main()
