"""Attacks on the whole site, each tried on the real application. What they defend: docs/threat-model.md."""
