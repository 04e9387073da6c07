"""Views of the pages that show what the simulator rests on: its numbers, its machines, its errors."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from simweb import ledger_page
from simweb.views import is_fragment, language


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """The ledger, or the part of it that an address asks for; to htmx the list alone."""
    context = ledger_page.page(ledger_page.Filter.of(request.GET), language())
    response = render(request, "number_list.html" if is_fragment(request) else "numbers.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response
