"""Django in one file, with a LOGGING that is applied after us: ``python django_shop.py runserver``."""

from __future__ import annotations

import logging
import os
import sys

import tracing

tracing.prepare()

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "django_settings")

import django  # noqa: E402
from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.management import execute_from_command_line  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402

log = logging.getLogger("shop")


def order(request: HttpRequest, number: int) -> JsonResponse:
    log.info("order %d", number, extra={"number": number})
    return JsonResponse(tracing.span_id(), safe=False)


urlpatterns = [path("orders/<int:number>", order), path("stock/<int:number>", order)]

if tracing.TRACED:
    from opentelemetry.instrumentation.django import DjangoInstrumentor

    DjangoInstrumentor().instrument()

if __name__ == "__main__":
    sys.modules["django_shop"] = sys.modules["__main__"]
    execute_from_command_line(sys.argv)
else:
    django.setup()
    application = get_asgi_application() if os.environ.get("SHOP_ASGI") == "1" else get_wsgi_application()
