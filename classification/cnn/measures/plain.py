"""Frozen records of results as plain values that JSON can hold, and back.

NaN, which JSON does not know, becomes null; infinite numbers become "inf" and "-inf".
"""

import math
import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np

Record = TypeVar("Record")


def to_plain(value: Any) -> Any:
    """Dictionaries, lists, text, numbers and null of a record, with everything in it.

    Raises
    ------
    TypeError : something in it has no plain form.
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: to_plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            return [to_plain(one) for one in value.tolist()]
        return value.tolist()
    if isinstance(value, dict):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{type(value).__name__} has no plain form")


def from_plain(cls: type[Record], values: Any) -> Record:
    """The record of what `to_plain` gave.

    Raises
    ------
    ValueError : a field is missing or unknown (which, is said), or a value is not what the field holds.
    """
    return cast(Record, _read(cls, values, cls.__name__))


@cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _read(kind: Any, value: Any, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return None if value is None else _read(_other_than_none(kind), value, where)
    if isinstance(kind, type) and is_dataclass(kind):
        return _read_record(kind, value, where)
    if kind is float:
        return _number(value, where)
    if origin is tuple:
        return _read_tuple(get_args(kind), value, where)
    if origin is np.ndarray:
        return _read_array(kind, value, where)
    if not isinstance(kind, type) or not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where} is {value!r}, which it cannot be")
    return value


def _read_record(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is {value!r}; a dictionary is needed")
    known = _hints(kind)
    names = {one.name for one in fields(kind)}
    wrong = sorted(names ^ set(value))
    if wrong:
        raise ValueError(f"{where}: {', '.join(wrong)} missing or unknown; it was written by another version")
    return kind(**{name: _read(known[name], value[name], f"{where}.{name}") for name in names})


def _read_tuple(parts: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is {value!r}; a list is needed")
    if len(parts) == 2 and parts[1] is Ellipsis:
        parts = parts[:1] * len(value)
    if len(parts) != len(value):
        raise ValueError(f"{where} has {len(value)} items; {len(parts)} are needed")
    return tuple(
        _read(part, one, f"{where}[{place}]") for place, (part, one) in enumerate(zip(parts, value, strict=True))
    )


def _read_array(kind: Any, value: Any, where: str) -> np.ndarray:
    if not isinstance(value, list):
        raise ValueError(f"{where} is {value!r}; a list is needed")
    dtype = get_args(get_args(kind)[1])[0]
    if np.issubdtype(dtype, np.floating):
        return np.array([one if type(one) is float else _number(one, where) for one in value], dtype=dtype)
    return np.array(value, dtype=dtype)


def _number(value: Any, where: str) -> float:
    if value is None:
        return math.nan
    if value in ("inf", "-inf"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{where} is {value!r}; a number is needed")
    return float(value)


def _other_than_none(kind: Any) -> Any:
    return next(part for part in get_args(kind) if part is not types.NoneType)
