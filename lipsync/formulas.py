"""Formulas: texts a spreadsheet would run, marked so that it shows them, and unmarked again."""

import re

# OWASP, CSV Injection: = + - @, tab, CR and LF at the start of a cell, and the full-width forms of
# the first four; the NUL is OWASP ASVS 5.0, 1.2.10. The mark is the single quote both name.
_SIGNS = r"=+\-@\uff1d\uff0b\uff0d\uff20"
# As above: a separator or a line break within a cell begins a new one where the reader takes other
# separators than the writer did.
_BREAKS = r"[;\t\r\n]\"*"
_RISKY = re.compile(rf"(?:\A'*(?=[{_SIGNS}\t\r\n\0])|{_BREAKS}'*(?=[{_SIGNS}]))")
_MARKED = re.compile(rf"(?:\A'+(?=[{_SIGNS}\t\r\n\0])|{_BREAKS}'+(?=[{_SIGNS}]))")


def marked(text: str) -> str:
    """Mark what a spreadsheet would take for a formula; everything else stays as it is.

    >>> marked("=1+1"), marked("-16 LUFS"), marked("a-b"), marked("'=1")
    ("'=1+1", "'-16 LUFS", 'a-b', "''=1")
    """
    return _RISKY.sub(lambda found: f"{found[0]}'", text)


def unmarked(text: str) -> str:
    """Take the marks off again: `unmarked(marked(text))` is the text.

    >>> unmarked("'=1+1"), unmarked("''=1"), unmarked("'tis")
    ('=1+1', "'=1", "'tis")
    """
    return _MARKED.sub(lambda found: found[0][:-1], text)
