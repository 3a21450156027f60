"""Texts that a person or an agent reads, without what acts on a terminal or turns the writing around."""

from __future__ import annotations

from typing import Any


def plain_text(text: str) -> str:
    """A text with blanks for its control and direction characters, line ends and tabs excepted.

    What is no text after all is returned as it is, for whoever checks types to complain about.
    """
    return _without(text, keep="\n\t")


def plain_reason(text: str) -> str:
    """The same in one line, whatever its length: a reason ends with a path that somebody wants to open."""
    return _without(text, keep="")


def _without(text: Any, *, keep: str) -> str:
    if not isinstance(text, str) or text.isprintable():
        return text  # type: ignore[no-any-return] # a caller that checks no types may hand over anything
    return "".join(one if one.isprintable() or one in keep else " " for one in text)
