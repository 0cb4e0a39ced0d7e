"""The XML parser for what anyone may have sent, and narratives, which stand in both formats.

A document type is refused before anything is parsed: with it go entities, and with them files of ours and
laughs by the billion. The parser's own limits stay: 256 levels, 10 million letters in one value.
"""

import re

from lxml import etree

XHTML = "http://www.w3.org/1999/xhtml"
MOST_TAGS = 3_000_000
"""Each element needs some hundred bytes of memory, so that fifty megabytes of `<a/>` would need gigabytes."""

DOCUMENT_TYPE = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class NotXml(Exception):
    """These bytes are not well-formed XML in UTF-8, too large, or have a document type.

    Attributes:
        why: Which of these, or where, for people.
    """

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def parse(body: bytes) -> etree._Element:
    """Parse XML; comments and processing instructions are left out.

    Raises:
        NotXml: It is not well formed, not UTF-8, too large, or has a document type.
    """
    if DOCUMENT_TYPE.search(body):
        raise NotXml("it has a document type")
    if body.count(b"<") > MOST_TAGS:
        raise NotXml(f"it has more than {MOST_TAGS} tags")
    try:
        body.decode("utf-8")
        return etree.fromstring(body, _parser())
    except UnicodeDecodeError:
        raise NotXml("it is not in UTF-8") from None
    except etree.XMLSyntaxError as error:  # its own words repeat what was sent
        raise NotXml(f"see line {error.lineno}, column {error.offset}") from None


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )


def narrative_of(div: etree._Element) -> str:
    """Write a narrative by itself, without the names that stand around it."""
    text: str = etree.tostring(_by_itself(div, None), encoding="unicode", with_tail=False)
    return text


def _by_itself(node: etree._Element, parent: etree._Element | None) -> etree._Element:
    if parent is None:
        copy = etree.Element(node.tag, dict(node.attrib), {None: XHTML})
    else:
        copy = etree.SubElement(parent, node.tag, dict(node.attrib))
    copy.text, copy.tail = node.text, node.tail
    for child in node:
        _by_itself(child, copy)
    return copy
