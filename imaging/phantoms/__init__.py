"""A procedural frontal chest radiograph: material for demonstrations and tests that may be shipped and shown.

It adds up path lengths through simple bodies (trunk, lungs, heart, spine, ribs, clavicles, vessels) and passes the sum
through the curve of a detector. It looks like a radiograph at a glance and to a classifier; it is not anatomy, and
nothing that was measured on it says anything about patients.
"""

from imaging.phantoms.chest import chest_phantom
from imaging.phantoms.dataset import describe_phantom, write_phantom_dataset
from imaging.phantoms.dicom import write_phantom_dicoms

__all__ = ["chest_phantom", "describe_phantom", "write_phantom_dataset", "write_phantom_dicoms"]
