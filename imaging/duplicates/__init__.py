"""The same picture twice: exact copies by the hash of their pixels, near ones by a perceptual hash.

`hashing` and `matching` are pure; `fingerprints` keeps what `hashing` computes; `overlap` answers, while somebody
waits, whether two sets share a picture; `searching` is the job that compares whole datasets and writes the report.
"""
