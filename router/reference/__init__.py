"""The reference: Markdown pages made from the code, so that they cannot say anything else than it does."""

from router.reference.pages import MADE_BY, all_pages, write

__all__ = ["MADE_BY", "all_pages", "write"]
