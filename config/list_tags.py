"""Template tags of lists: the head of a column that can be sorted by."""

from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.lists import PARAMETER, Sorting

register = template.Library()


@register.simple_tag(takes_context=True)
def sorted_by(context: Context, column: str, label: str, css: str = "") -> SafeString:
    """<th> of `column` of the list `page_obj`: a link that sorts by it, and says for screen readers how it is sorted.

    The other parameters of the address stay; the page begins again at the first.
    """
    sorting: Sorting = context["page_obj"].sorting
    if column not in sorting.columns:
        raise ValueError(f"There is no column {column!r} to sort by; there are: {', '.join(sorting.columns)}")
    query: Any = context["request"].GET.copy()
    query.pop("page", None)
    query[PARAMETER] = sorting.next_for(column)
    direction = mark = format_html("{}", "")
    if column == sorting.column:
        words, sign = ("descending", "▼") if sorting.descending else ("ascending", "▲")
        direction = format_html(' aria-sort="{}"', words)
        mark = format_html(' <span class="tr-sort-mark" aria-hidden="true">{}</span>', sign)
    return format_html(
        '<th scope="col" class="{}"{}><a class="tr-sort" href="?{}">{}{}</a></th>',
        css,
        direction,
        query.urlencode(),
        label,
        mark,
    )
