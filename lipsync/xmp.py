"""XMP: the packet that carries a notice, and what a packet says of its file.

Sources: Adobe XMP Specification, Parts 1 and 3; IPTC Photo Metadata Standard 2025.1 and Video
Metadata Hub, where Digital Source Type is `Iptc4xmpExt:DigitalSourceType`.
"""

import re
from xml.sax.saxutils import escape, quoteattr

from lipsync.disclosure import Notice, SourceType, known_term, strongest

# XMP Specification Part 1, §7.3.2: the one id of every packet; `begin` is the byte order mark.
_WRAPPED = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{}\n<?xpacket end="r"?>'

# As an attribute, or as an element whose text, or whose rdf:resource, is the term.
_TERM = re.compile(
    r"""DigitalSourceType(?:\s*=\s*["']|(?:\s+[\w:]*resource\s*=\s*["']|[^>]*>\s*))([^"'<>\s]+)"""
)
# What no XML 1.0 document may hold (its §2.2).
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def packet(notice: Notice) -> bytes:
    """Write a notice as an XMP packet.

    Nothing in it changes from run to run: the same dub is the same file.

    >>> from lipsync.disclosure import notice_of
    >>> terms_in(packet(notice_of(preview=False, model='x" & <y>')))[0].term
    'compositeWithTrainedAlgorithmicMedia'
    """
    attributes = {
        "Iptc4xmpExt:DigitalSourceType": notice.source_type.value,
        "xmp:CreatorTool": "Dubline",
    }
    if notice.system is not None:
        attributes["Iptc4xmpExt:AISystemUsed"] = notice.system
    written = "\n    ".join(f"{name}={quoteattr(_xml(text))}" for name, text in attributes.items())
    text = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    {written}>
   <dc:description><rdf:Alt>
    <rdf:li xml:lang="x-default">{escape(_xml(notice.statement))}</rdf:li>
   </rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>"""
    return _WRAPPED.format(text).encode()


def terms_in(data: bytes) -> tuple[SourceType, ...]:
    """List the Digital Source Types of a packet, of those that matter here.

    It is looked through and not parsed: a packet comes from strangers, and XML can be a bomb.
    """
    text = data.decode("utf-8", errors="replace")
    found = (known_term(match) for match in _TERM.findall(text))
    return tuple(term for term in found if term is not None)


def term_in(data: bytes) -> SourceType | None:
    """Say what a packet says of its file; of several terms the strongest counts."""
    return strongest(terms_in(data))


def _xml(text: str) -> str:
    r"""Leave out what XML cannot hold.

    >>> _xml("a\0b")
    'ab'
    """
    return _NOT_XML.sub("", text)
