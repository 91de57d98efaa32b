"""Pure numerics of reader studies: accuracy, agreement, reading time. Arrays in, frozen results out; no Django."""
