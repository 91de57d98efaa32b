"""The demonstration: runs the whole loop on phantoms or on a folder of the user's. The topmost layer."""
