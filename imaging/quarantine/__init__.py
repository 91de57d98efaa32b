"""Quarantine: pictures into which something may be written wait here until a person has looked and signed.

`masking` paints over rectangles, `services` decides, `selectors` lists; `imaging.intake` brings the pictures in. What
waits is no image of its dataset: no rule, split, export or study can see it.
"""
