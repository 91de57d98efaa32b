"""DICOM without Django: what is read from a file, what may be kept of it, and whom a study includes."""
