"""Languages: the codes people write, and the one a container is tagged with."""

import re


def _pairs(text: str) -> dict[str, str]:
    """Read `a:b` pairs."""
    return {left: right for left, _, right in (pair.partition(":") for pair in text.split())}


# ISO 639-1 and the ISO 639-2/T code of the same language; Debian's iso-codes, read 2026-11-20.
_TWO_LETTERS = _pairs("""
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak
be:bel bg:bul bh:bih bi:bis bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos
cr:cre cs:ces cu:chu cv:chv cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo
es:spa et:est eu:eus fa:fas ff:ful fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg
gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye hz:her ia:ina
id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl it:ita iu:iku ja:jpn jv:jav ka:kat kg:kon
ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir
la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri mk:mkd
ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld nn:nno
no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ps:pus
pt:por qu:que rm:roh rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag si:sin
sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp ss:ssw st:sot su:sun sv:swe sw:swa ta:tam
te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi ty:tah
ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid yo:yor za:zha
zh:zho zu:zul
""")
# ISO 639-2 has two codes for these: the bibliographic one, and the one containers are tagged with.
_BIBLIOGRAPHIC = _pairs("""
alb:sqi arm:hye baq:eus bur:mya chi:zho cze:ces dut:nld fre:fra geo:kat ger:deu gre:ell
ice:isl mac:mkd mao:mri may:msa per:fas rum:ron slo:slk tib:bod wel:cym
""")
# RFC 5646: language, then subtags; only the language has a place in every container.
_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")


def language_code(text: str) -> str:
    """Read a language as people write it, and return its ISO 639-2/T code.

    Any three letters are taken as a code: there are 7,900 in ISO 639-3, and players pass by those
    they do not know.

    Raises:
        ValueError: It is no code of a language.

    >>> language_code("de"), language_code("pt-BR"), language_code("ger"), language_code("gsw")
    ('deu', 'por', 'deu', 'gsw')
    """
    found = _TAG.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no language code; write e.g. de, pt-BR or deu")
    code = found[1].lower()
    if len(code) == 3:  # noqa: PLR2004  three letters are ISO 639-2 or 639-3
        return _BIBLIOGRAPHIC.get(code, code)
    if code not in _TWO_LETTERS:
        raise ValueError(f"{text!r}: there is no language {code!r} in ISO 639-1")
    return _TWO_LETTERS[code]


# Apple's QuickTime File Format, language codes: MOV has a list of its own, and libav looks a
# language up in it under these ISO 639-2/B codes.
_QUICKTIME = {
    new: old
    for old, new in _BIBLIOGRAPHIC.items()
    if old not in {"cze", "fre", "mao", "per", "rum", "slo"}
}


def spelled(code: str, suffix: str) -> str:
    """Write an ISO 639-2/T code as a container's writer looks for it.

    >>> spelled("deu", ".mov"), spelled("deu", ".mp4"), spelled("fra", ".mov")
    ('ger', 'deu', 'fra')
    """
    return _QUICKTIME.get(code, code) if suffix == ".mov" else code
