"""Pure numerics of reader studies: accuracy, agreement, ROC, reading time. Arrays in, frozen results out; no Django."""
