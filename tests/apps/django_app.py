"""The Django service, run under gunicorn. It knows its hosts: a probe with another Host is answered 400."""

import checks
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY="only for tests",
    ALLOWED_HOSTS=["shop.example"],
    ROOT_URLCONF=__name__,
    LOGGING_CONFIG=None,
)
django.setup()


def live(request):
    return JsonResponse({"status": "UP"})


def ready(request):
    document, code = checks.readiness()
    return JsonResponse(document, status=code)


def work(request):
    return JsonResponse({"answer": checks.work()})


urlpatterns = [path("live", live), path("ready", ready), path("health", ready), path("work", work)]

application = get_wsgi_application()
