"""How much memory a run will need, asked by a web process that does not load PyTorch: a process of its own measures it.

`python -m generation.memory_estimate` reads {"generator", "config", "n_classes"} as JSON and writes a sentence.
"""

import json
import subprocess
import sys
from typing import Any

from config.environment import BASE_DIR

TIMEOUT_SECONDS = 60
UNKNOWN = "The memory that this needs could not be estimated. The job estimates it again before it trains."


def estimate_in_words(*, generator: str, config: dict[str, Any], n_classes: int) -> str:
    """ "About 2.31 GB: ...", or that nobody knows: an estimate must not keep anybody from starting."""
    asked = json.dumps({"generator": generator, "config": config, "n_classes": n_classes})
    try:
        done = subprocess.run(
            [sys.executable, "-m", "generation.memory_estimate"],
            input=asked,
            capture_output=True,
            text=True,
            check=True,
            cwd=BASE_DIR,
            timeout=TIMEOUT_SECONDS,
        )
    except (subprocess.SubprocessError, OSError):
        return UNKNOWN
    return done.stdout.strip()


def main() -> None:
    from generation.gan.memory import estimate_memory  # PyTorch
    from generation.gan.registry import get_generator

    asked = json.load(sys.stdin)
    config = get_generator(asked["generator"]).config.from_dict(asked["config"])
    estimate = estimate_memory(asked["generator"], config, n_classes=asked["n_classes"])
    sys.stdout.write(f"{estimate.in_words()}. Half to double of it is used.\n")


if __name__ == "__main__":
    main()
