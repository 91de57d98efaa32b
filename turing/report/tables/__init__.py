"""Tables of reports from an analysis, one module for each."""
