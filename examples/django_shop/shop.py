# shop.py: a Django project in one file; in a real one, configure() stands at the end of settings.py
import logging
import sys

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import execute_from_command_line
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

import fapilog_otel

settings.configure(
    SECRET_KEY="only for this example",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    LOGGING={
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {"console": {"class": "logging.StreamHandler"}},
        "root": {"handlers": ["console"], "level": "INFO"},
    },
)
fapilog_otel.configure(service_name="shop")
log = logging.getLogger("shop")


def order(request: HttpRequest, number: int) -> JsonResponse:
    log.info("order %d looked up", number)
    return JsonResponse({"number": number})


urlpatterns = [path("orders/<int:number>", order)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
else:
    django.setup()
    application, asgi_application = get_wsgi_application(), get_asgi_application()
