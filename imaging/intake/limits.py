"""How much an import may ask of the machine. Checked on the bytes that really come out, not on what headers claim."""

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Limits:
    max_files: int = 500_000
    max_file_bytes: int = 256 * MIB  # one file, unpacked: 64 megapixels of 16 bits take 128 MiB
    max_total_bytes: int = 64 * 1024 * MIB  # all files, unpacked
    max_ratio: int = 200  # unpacked to packed; radiographs reach about 3, empty bitmaps a few dozen
    ratio_from_bytes: int = MIB  # a smaller file may have any ratio
    max_metadata_bytes: int = 64 * MIB
    max_pixels: int = 64_000_000  # width times height


LIMITS = Limits()
