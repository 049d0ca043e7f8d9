"""Detection: Sigma rules over normalized events, whole and exact."""

from router.detect.blocks import compile_selection

__all__ = ["compile_selection"]
