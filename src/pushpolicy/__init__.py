"""Policy-as-code admission for container image pushes."""

__version__ = "0.1.0"
