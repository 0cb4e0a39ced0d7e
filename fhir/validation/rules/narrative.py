"""Rules of narratives: harmless XHTML that says something. https://hl7.org/fhir/R4/narrative.html."""

import re
from collections.abc import Iterator
from html.entities import html5

from lxml import etree

from fhir.issues import Issue
from fhir.mapping.elements import Json
from fhir.validation.reading import broken, text

XHTML = "{http://www.w3.org/1999/xhtml}"
_ELEMENTS = """
    a abbr acronym address area b big blockquote br caption cite code col colgroup dd dfn div dl dt
    em h1 h2 h3 h4 h5 h6 hr i img kbd li map ol p pre q samp small span strong sub sup table tbody
    td tfoot th thead tr tt ul var
"""
_ATTRIBUTES = """
    abbr accesskey align alt axis bgcolor border cellpadding cellspacing char charoff cite class
    colspan compact coords datetime dir frame headers height href hreflang id idref ismap lang
    longdesc name noshade nowrap rel rev rowspan rules scope shape size span src start style summary
    tabindex target title type usemap valign value width
"""
_XML = "{http://www.w3.org/XML/1998/namespace}"
ELEMENTS = frozenset(_ELEMENTS.split())
ATTRIBUTES = frozenset(_ATTRIBUTES.split()) | {f"{_XML}lang", f"{_XML}id"}
LEADS_OUT = frozenset({"href", "src", "cite", "longdesc", "usemap"})
HARMLESS = re.compile(r"\s*(?:https?:|mailto:|tel:|data:image/|urn:|#|[^:]*$)", re.IGNORECASE)
NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]*);")
XMLS_OWN = frozenset({"amp", "apos", "gt", "lt", "quot"})


def narrative(node: Json, path: str) -> Iterator[Issue]:
    """txt-1, txt-2: only what HTML formats, and something to read."""
    div = text(node, "div")
    if div is None:
        return
    here = f"{path}.div"
    root = _parsed(div)
    if root is None or root.tag != f"{XHTML}div":
        sentence = "must be one well-formed <div xmlns='http://www.w3.org/1999/xhtml'>"
        yield Issue("structure", sentence, here)
        return
    if not all(_is_harmless(each) for each in root.iter()):
        yield broken("txt-1", "holds elements or attributes that do more than format text", here)
    if not "".join(root.itertext()).strip() and root.find(f".//{XHTML}img") is None:
        yield broken("txt-2", "has no content", here)


def _parsed(div: str) -> etree._Element | None:
    if "<!DOCTYPE" in div or "<!ENTITY" in div:
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(NAMED.sub(_letter, div).encode(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _letter(found: re.Match[str]) -> str:
    """What an HTML entity stands for; XML knows only five by name."""
    name = found[1]
    return found[0] if name in XMLS_OWN else html5.get(f"{name};", found[0])


def _is_harmless(element: etree._Element) -> bool:
    if not isinstance(element.tag, str):  # a comment or a processing instruction
        return element.tag is etree.Comment
    if element.tag.removeprefix(XHTML) not in ELEMENTS or not element.tag.startswith(XHTML):
        return False
    return all(
        name in ATTRIBUTES and (name not in LEADS_OUT or HARMLESS.match(value) is not None)
        for name, value in element.attrib.items()
    )
