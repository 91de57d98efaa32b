"""The process in which a generator from elsewhere runs: started by `generation.gan.foreign`, as a script of its own.

It has no standard input, no network where the system allows to take it away, an empty temporary directory, an empty
environment, and limits on memory, processor time and files. It reads requests (class, seed, latents) from one pipe and
writes arrays to another; nothing is pickled on either side. It can still read what its user can read.
"""

import ctypes
import json
import os
import resource
import struct
import sys
from pathlib import Path
from typing import Any

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, SIGKILL = 1, 38, 9
REQUEST = struct.Struct("<IIQ")  # batch, class index, seed; float32 latents (batch, dim) follow
SHAPE = struct.Struct("<IIII")  # of the answer; float32 values follow
LONGEST_WORDS = 2000


def main() -> None:
    specification = json.loads(sys.argv[1])
    requests, answers = specification["requests"], specification["answers"]
    has_network = not _leave_network()
    sys.path.insert(0, specification["root"])
    try:
        model = _load(specification)
    except MemoryError:
        _refuse(answers, "It needs more memory than it is allowed")
        return
    except Exception as error:
        _refuse(answers, _words(error))
        return
    words = json.dumps({"has_network": has_network}).encode()
    _write(answers, b"\x00" + struct.pack("<I", len(words)) + words)
    while True:
        head = _read(requests, REQUEST.size)
        if head is None:
            return
        batch, class_index, seed = REQUEST.unpack(head)
        latents = _read(requests, 4 * batch * specification["latent_dim"])
        if latents is None:
            return
        try:
            values = model(latents, batch, class_index, seed)
        except MemoryError:
            _refuse(answers, "It needs more memory than it is allowed")
        except Exception as error:
            _refuse(answers, _words(error))
        else:
            _write(answers, b"\x00" + SHAPE.pack(*values.shape) + values.tobytes())


def _leave_network() -> bool:
    """True when this process can no longer reach any network. Before any thread is started."""
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWNET) == 0
    except (OSError, AttributeError):  # not Linux
        return False


def _limit(specification: dict[str, Any]) -> None:
    """After the libraries are loaded, before the foreign file is: their own size differs by a lot."""
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    memory = pages * resource.getpagesize() + specification["memory_bytes"]
    cpu = int(sum(os.times()[:2])) + specification["cpu_seconds"]
    for name, value in {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": cpu,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NOFILE": 64,
        "RLIMIT_CORE": 0,
    }.items():
        resource.setrlimit(getattr(resource, name), (value, value))


def _load(specification: dict[str, Any]) -> Any:
    if specification["format"] == "onnx":
        return _load_onnx(specification)
    import torch

    torch.set_num_threads(specification["threads"])
    torch.zeros(1, 1, 4, 4).double().sum()
    if specification["format"] == "safetensors":
        from safetensors.torch import load_file

        from generation.gan.registry import create_generator

        network = create_generator(
            specification["generator"], specification["config"], n_classes=specification["n_classes"]
        )
        _limit(specification)
        network.load_state_dict(load_file(specification["path"]))
        network = network.float()
    else:
        _limit(specification)
        network = torch.jit.load(specification["path"], map_location="cpu").float()
    network.eval()

    def run(latents: bytes, batch: int, class_index: int, seed: int) -> Any:
        torch.manual_seed(seed)  # of noise that the network may draw itself
        inputs = torch.frombuffer(bytearray(latents), dtype=torch.float32).view(batch, -1)
        if specification["latent_shape"] == "map":
            inputs = inputs[:, :, None, None]
        arguments = [inputs]
        if specification["class_input"] != "none":
            classes = torch.full((batch,), class_index, dtype=torch.int64)
            is_index = specification["class_input"] == "index"
            one_hot = torch.nn.functional.one_hot(classes, specification["n_classes"]).float()
            arguments.append(classes if is_index else one_hot)
        with torch.no_grad():
            return _checked(network(*arguments), batch, torch.Tensor).float().contiguous().numpy()

    return run


def _load_onnx(specification: dict[str, Any]) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise ValueError(
            'ONNX needs the package onnxruntime; install it with pip install "turing-reader[onnx]"'
        ) from error
    import numpy as np

    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = specification["threads"]
    options.inter_op_num_threads = 1
    content = Path(specification["path"]).read_bytes()  # as bytes: then no file beside it is ever opened
    _limit(specification)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    wanted = 1 if specification["class_input"] == "none" else 2
    if len(names) != wanted:
        raise ValueError(f"It takes {len(names)} inputs ({', '.join(names)[:200]}); {wanted} were declared")

    def run(latents: bytes, batch: int, class_index: int, seed: int) -> Any:
        onnxruntime.set_seed(seed % 2**31)
        inputs: Any = np.frombuffer(latents, dtype=np.float32).reshape(batch, -1)
        if specification["latent_shape"] == "map":
            inputs = inputs[:, :, None, None]
        arguments = {names[0]: inputs}
        if wanted == 2:
            one_hot = np.zeros((batch, specification["n_classes"]), dtype=np.float32)
            one_hot[:, class_index] = 1
            is_index = specification["class_input"] == "index"
            arguments[names[1]] = np.full(batch, class_index, dtype=np.int64) if is_index else one_hot
        images = session.run(None, arguments)[0]
        return np.ascontiguousarray(_checked(images, batch, np.ndarray), dtype=np.float32)

    return run


def _checked(images: Any, batch: int, kind: type) -> Any:
    if not issubclass(type(images), kind):
        raise ValueError(f"It gives a {type(images).__name__}, not an array of images")
    if images.ndim != 4 or images.shape[0] != batch:
        raise ValueError(f"It gives an array of shape {tuple(images.shape)}; ({batch}, channels, side, side) is needed")
    return images


def _words(error: Exception) -> str:
    """The last line that says something: those of TorchScript come with the whole code before it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    last = next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "")
    return f"{type(error).__name__}: {last}"


def _refuse(answers: int, words: str) -> None:
    data = words.encode("utf-8", "replace")[:LONGEST_WORDS]
    _write(answers, b"\x01" + struct.pack("<I", len(data)) + data)


def _read(descriptor: int, count: int) -> bytes | None:
    """Exactly `count` bytes, or None at the end."""
    parts = []
    while count:
        part = os.read(descriptor, min(count, 2**20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[: 2**20]) :]


if __name__ == "__main__":
    main()
