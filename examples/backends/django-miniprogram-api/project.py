"""A Django project around django-miniprogram-api, which is used as it comes: settings, urls, and the one view that a shop would add.

DATABASE_HOST and DATABASE_PORT lead to a PostgreSQL with a database `shop` of the user `app`, whose password is `secret`.
"""

import os

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="for tests only",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "rest_framework.authtoken",
        "shop_apps.MiniProgram",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "shop",
            "USER": "app",
            "PASSWORD": "secret",
            "HOST": os.environ["DATABASE_HOST"],
            "PORT": os.environ["DATABASE_PORT"],
        }
    },
    # What the package's README asks for.
    WECHAT_MINIPROGRAM_CONFIG={"APPID": os.environ["WX_APPID"], "SECRET": os.environ["WX_SECRET"]},
    USE_TZ=True,
)
django.setup()

from django.core.management import execute_from_command_line  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework.authentication import TokenAuthentication  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.permissions import IsAuthenticated  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view(["GET"])
@authentication_classes([TokenAuthentication])
@permission_classes([IsAuthenticated])
def me(request):
    """Who the token is: what any view of a shop behind this login begins with."""
    return Response({"user_id": request.user.id})


urlpatterns = [path("me/", me), path("api/", include("miniprogram_api.urls"))]

if __name__ == "__main__":
    execute_from_command_line(["project.py", "migrate", "--verbosity", "0"])
    execute_from_command_line(["project.py", "runserver", "--noreload", f"127.0.0.1:{os.environ['PORT']}"])
