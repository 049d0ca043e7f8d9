"""Logweir: the SIEM and SOAR log router."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("logweir")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0.0.0"
