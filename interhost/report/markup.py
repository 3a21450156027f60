"""Elements of HTML and SVG. What a text holds, it stays a text: the standard library's serializer escapes it."""

from __future__ import annotations

from xml.etree import ElementTree

from interhost.bus.envelope import CONTROL

Element = ElementTree.Element
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


def element(tag: str, *children: Element | str | None, **attributes: object) -> Element:
    """An element.

    Args:
        tag: Its name.
        children: Texts and elements, in order; ``None`` is left out.
        attributes: ``class_`` is ``class``, ``stroke_width`` is ``stroke-width``; ``None`` is left out.
    """
    made = Element(tag, {_name(key): clean(str(value)) for key, value in attributes.items() if value is not None})
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif child is not None:
            _add_text(made, clean(child))
    return made


def clean(text: str) -> str:
    """A text without control characters but line ends, and without those that turn the writing around."""
    return "\n".join(CONTROL.sub("\N{REPLACEMENT CHARACTER}", line) for line in text.split("\n"))


def to_html(root: Element) -> str:
    """An element as HTML."""
    return ElementTree.tostring(root, encoding="unicode", method="html")


def to_svg(root: Element) -> str:
    """An ``svg`` element as a document of its own."""
    root.set("xmlns", SVG_NAMESPACE)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _add_text(parent: Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text
