"""How Django finds the package: its own AppConfig names a path that its distribution does not have."""

from django.apps import AppConfig


class MiniProgram(AppConfig):
    name = "miniprogram_api"
    default_auto_field = "django.db.models.AutoField"
