"""Where a request comes from: the client's address, also behind proxies, and its browser in words.

Proxies append the address of whoever speaks to them to X-Forwarded-For; only the last PROXY addresses are theirs, and
everything before is whatever the client chose to write.
"""

import ipaddress
import re

from allauth.core.internal.httpkit import clean_client_ip
from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "0.0.0.0"  # noqa: S104  stands for a peer without an address: a Unix socket
BROWSERS = (
    ("Edge", "Edg/"),
    ("Opera", "OPR/"),
    ("Firefox", "Firefox/"),
    ("Chrome", "Chrome/"),
    ("Chrome", "CriOS/"),
    ("Safari", "Safari/"),
)
SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPad", "iPad"),
    ("iPhone", "iPhone"),
    ("Mac", "Macintosh"),
    ("Linux", "Linux"),
)


def client_address(request: HttpRequest) -> str:
    """The address of the client, as the outermost trusted proxy saw it; "0.0.0.0" where there is none."""
    chain = [*request.headers.get("X-Forwarded-For", "").split(","), request.META.get("REMOTE_ADDR", "")]
    proxies = settings.TRUSTED_PROXIES
    seen = chain[-min(proxies + 1, len(chain))]
    return clean_client_ip(seen) or clean_client_ip(request.META.get("REMOTE_ADDR", "")) or UNKNOWN


def shortened_address(address: str) -> str:
    """Without what tells one computer from its neighbours: a /24 of IPv4, a /48 of IPv6."""
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4:
        return str(parsed).rpartition(".")[0] + ".x"
    return f"{ipaddress.ip_network(f'{parsed}/48', strict=False).network_address}…"


def browser_in_words(request: HttpRequest) -> str:
    """As “Firefox on Windows”: the name and the system alone, which is enough to recognise one's own."""
    agent = request.headers.get("User-Agent", "")
    browser = next((name for name, mark in BROWSERS if mark in agent), "")
    system = next((name for name, mark in SYSTEMS if mark in agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or re.sub(r"[^A-Za-z-].*", "", agent)[:30] or "Unknown browser"
