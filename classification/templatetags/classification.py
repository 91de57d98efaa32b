"""Numbers of an experiment in words, for templates: "0.873 (0.812 to 0.921)"."""

from django import template

from classification import wording

register = template.Library()
register.filter("at_beginning", wording.at_beginning)
register.filter("decimal", wording.decimal)
register.filter("difference_in_words", wording.difference_in_words)
register.filter("estimate_in_words", wording.estimate_in_words)
register.filter("p_value", wording.p_value)

register.filter("repetitions_in_words", wording.repetitions_in_words)
