"""The REST API, for programs: the same verbs as the pages, behind the same predicates. Above every other app."""
