"""Intake: foreign archives and folders are read, checked as a whole, and become one dataset or nothing.

`sources` reads members as streams (nothing is ever extracted by name), `layout` finds classes and splits, `metadata`
reads metadata.csv, `decoding` turns files into grey pixels, `checking` collects every problem, `importing` stores.
"""
