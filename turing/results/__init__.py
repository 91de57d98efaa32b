"""Results of closed studies: the only code besides building a study that reads what an image really is."""
