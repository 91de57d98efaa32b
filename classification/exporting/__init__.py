"""What authors take along from an experiment: tables, predictions of every image, figures, methods, settings."""
