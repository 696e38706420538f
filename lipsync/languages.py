"""Languages: the tags and codes people write, what is wrong with one, and what containers take."""

import re

# RFC 5646 §2.1, without the grandfathered tags: it has registered no language of 4 to 8 letters.
_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(?:-[a-z]{3}){0,3}"
    r"(?:-(?P<script>[a-z]{4}))?"
    r"(?:-(?P<region>[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*"
    r"(?:-[a-wy-z0-9](?:-[a-z0-9]{2,8})+)*"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?"
)
# The same as people write it: only the language has a place in every container.
_WRITTEN = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")
_PRIVATE = re.compile(r"x(?:-[a-z0-9]{1,8})+")

# ISO 639-1 and the three letters ISO 639-2/T has for the same (pycountry 26.2.16, Debian's
# iso-codes). RFC 5646 §2.2.1: where there are two letters, three are not registered.
_LETTERS = """
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel
bg:bul bi:bis bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces cu:chu
cv:chv cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas
ff:ful fi:fin fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb
hi:hin ho:hmo hr:hrv ht:hat hu:hun hy:hye hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido
is:isl it:ita iu:iku ja:jpn jv:jav ka:kat kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor
kr:kau ks:kas ku:kur kv:kom kw:cor ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub
lv:lav mg:mlg mh:mah mi:mri mk:mkd ml:mal mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob nd:nde
ne:nep ng:ndo nl:nld nn:nno no:nor nr:nbl nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan
pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron ru:rus rw:kin sa:san sc:srd sd:snd se:sme
sg:sag sh:hbs si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp ss:ssw st:sot su:sun sv:swe
sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur ts:tso tt:tat tw:twi
ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid yo:yor za:zha
zh:zho zu:zul
"""
_THREE = dict(pair.split(":") for pair in _LETTERS.split())
# What people write: the three letters, their bibliographic form (ISO 639-2/B), or the country.
_BIBLIOGRAPHIC_LETTERS = """
bo:tib cs:cze cy:wel de:ger el:gre eu:baq fa:per fr:fre hy:arm is:ice ka:geo mk:mac mi:mao ms:may
my:bur nl:dut ro:rum sk:slo sq:alb zh:chi
"""
_COUNTRY_LETTERS = """
ja:jp zh:cn zh-TW:tw cs:cz da:dk uk:ua el:gr vi:vn ko:kp sr:rs de-AT:at es-MX:mx en-US:us en-GB:gb
"""
_MEANT = {
    meant: tag
    for letters in (_LETTERS, _BIBLIOGRAPHIC_LETTERS, _COUNTRY_LETTERS)
    for tag, meant in (pair.split(":") for pair in letters.split())
    if meant not in _THREE
}
# ISO 639-2 has two codes for these: the bibliographic one, and the one containers are tagged with.
_BIBLIOGRAPHIC = {
    old: _THREE[two] for two, old in (pair.split(":") for pair in _BIBLIOGRAPHIC_LETTERS.split())
}
# ISO 3166-1 (as above), and what the subtag registry has besides: exceptionally reserved codes.
_COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT
BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH
ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT
HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS
LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI
NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG
SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG
UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW AC CP DG EA EU EZ IC TA UN
"""
_REGIONS = frozenset(_COUNTRIES.split())
_HOW = "write a BCP 47 tag, e.g. de, pt-BR or zh-Hant"


def canonical_tag(tag: str) -> str:
    """Write a tag in the letters it is usually written in (RFC 5646 §2.1.1).

    >>> canonical_tag("ZH-hant-tw"), canonical_tag("PT-br")
    ('zh-Hant-TW', 'pt-BR')
    """
    first, *rest = tag.lower().split("-")
    found, single = [first], first == "x"
    for part in rest:
        found.append(part if single else _cased(part))
        single = single or len(part) == 1
    return "-".join(found)


def _cased(part: str) -> str:
    if len(part) == 2:  # noqa: PLR2004  a region
        return part.upper()
    return part.title() if len(part) == 4 and part.isalpha() else part  # noqa: PLR2004  a script


def tag_fault(tag: str) -> str | None:
    """Say what is wrong with a language tag and what to write; None when nothing is.

    >>> tag_fault("pt-BR"), tag_fault("ger")
    (None, 'is no language tag; write de')
    """
    if _PRIVATE.fullmatch(tag.lower()):
        return None
    match = _TAG.fullmatch(tag.lower())
    if match is None:
        other = re.sub(r"[_ ]+", "-", tag.strip())
        if other != tag and tag_fault(other) is None:
            return f"is no language tag; write {canonical_tag(other)}"
        return f"is no language tag; {_HOW}"
    return _unknown(tag, match["language"], match["region"])


def _unknown(tag: str, language: str, region: str | None) -> str | None:
    """Hold the parts of a tag against what is registered."""
    if language in _MEANT:
        return f"is no language tag; write {canonical_tag(_MEANT[language] + tag[len(language) :])}"
    if len(language) == 2 and language not in _THREE:  # noqa: PLR2004  ISO 639-1
        return f"is no language tag: there is no language {language}; {_HOW}"
    if region and region.isalpha() and region.upper() not in _REGIONS:
        meant = "; write GB for the United Kingdom" if region == "uk" else f"; {_HOW}"
        return f"is no language tag: there is no region {region.upper()}{meant}"
    return None


def language_code(text: str) -> str:
    """Read a language as people write it, and return its ISO 639-2/T code.

    Any three letters are taken as a code: there are 7,900 in ISO 639-3, and players pass by those
    they do not know.

    Raises:
        ValueError: It is no code of a language.

    >>> language_code("de"), language_code("pt-BR"), language_code("ger"), language_code("gsw")
    ('deu', 'por', 'deu', 'gsw')
    """
    found = _WRITTEN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is no language code; write e.g. de, pt-BR or deu")
    code = found[1].lower()
    if len(code) == 3:  # noqa: PLR2004  three letters are ISO 639-2 or 639-3
        return _BIBLIOGRAPHIC.get(code, code)
    if code not in _THREE:
        raise ValueError(f"{text!r}: there is no language {code!r} in ISO 639-1")
    return _THREE[code]


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
