"""A Django service of the tutorial: python3 django_app.py PORT

It knows its host: a request, or a probe, with another Host is answered 400.
"""

import switches
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    SECRET_KEY="only for the tutorial",
    ALLOWED_HOSTS=["shop.example"],
    ROOT_URLCONF=__name__,
)


def ready(request):
    fine = switches.ready()
    return JsonResponse({"ready": fine}, status=200 if fine else 503)


def work(request):
    return JsonResponse(switches.work(), headers=switches.headers())


urlpatterns = [path("ready", ready), path("work", work)]

application = get_wsgi_application()

if __name__ == "__main__":
    call_command("runserver", f"127.0.0.1:{switches.PORT}", use_reloader=False)
