"""Codes as an app on a phone makes them: RFC 6238, from the secret alone."""

import base64
import hashlib
import hmac
import struct
import time

STEP_S = 30


def totp(secret: str, at: float | None = None) -> str:
    """Six digits for the time `at` (s since 1970; now)."""
    counter = struct.pack(">Q", int(time.time() if at is None else at) // STEP_S)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


def wait_for_a_fresh_step(least_s: float = 10) -> None:
    """So that a code that is made now is not old when it arrives. At most `least_s`."""
    left = STEP_S - time.time() % STEP_S
    if left < least_s:
        time.sleep(left)
