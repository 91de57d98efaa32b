"""Reports of reader studies: an analysis goes in, a document comes out, and renderers make files of it. No Django."""
