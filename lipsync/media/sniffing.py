"""What a file that is not media is, by its first bytes, so that the refusal can name it."""

# Longest piece of a file's front that is looked at.
HEAD_BYTES = 4096

# Magic numbers: PNG (RFC 2083 §12.11), JPEG (ITU-T T.81 B.1.1.3), BMP, TIFF 6.0, WebP, JPEG XL.
_STILL = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n": "PNG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"\xff\x0a": "JPEG XL",
    b"\x00\x00\x00\x0cJXL ": "JPEG XL",
}
# Scripts that make a player open other files or addresses: HLS (RFC 8216), the concat demuxer,
# DASH, SMIL and ASX lists, SDP (RFC 8866), PLS, Smooth Streaming.
_PLAYLISTS = (
    b"#extm3u",
    b"ffconcat version",
    b"[playlist]",
    b"[reference]",
    b"<asx",
    b"<smil",
    b"<mpd",
    b"<smoothstreamingmedia",
    b"v=0\r\n",
    b"v=0\no=",
    b"rtsptext",
)
_OTHERS = {
    b"%PDF-": "a PDF document",
    b"PK\x03\x04": "a ZIP archive (or an Office document)",
    b"\x1f\x8b": "a gzip archive",
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself",
}


def still_picture(head: bytes) -> str | None:
    """Name the kind of still picture that begins with these bytes.

    >>> still_picture(bytes.fromhex("ffd8ffe0"))
    'JPEG'
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypavif"}:
        return "HEIF"
    return next((kind for magic, kind in _STILL.items() if head.startswith(magic)), None)


def is_playlist(head: bytes) -> bool:
    r"""Tell whether these bytes begin a list that points at other files or addresses.

    >>> is_playlist(b"ffconcat version 1.0\nfile /etc/passwd\n")
    True
    """
    front = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if front.startswith(b"<?xml"):
        front = front[front.find(b"?>") + 2 :].lstrip()
    lines = front[:1024].splitlines()
    return front.startswith(_PLAYLISTS) or any(
        line.startswith((b"file ", b"file\t")) for line in lines[:5]
    )


def not_media(head: bytes) -> str | None:
    """Name what these bytes are when they are surely not video or audio, as "a …".

    >>> not_media(b"<!doctype html><title>404</title>")
    'a web page (HTML)'
    """
    if kind := still_picture(head):
        return f"a still picture ({kind}), not a video"
    if is_playlist(head):
        return "a playlist that points at other files, not a media file"
    for magic, name in _OTHERS.items():
        if head.startswith(magic):
            return name
    front = head.lstrip().lower()
    if front.startswith((b"<!doctype html", b"<html", b"<head", b"<script", b"<body")):
        return "a web page (HTML)"
    return "a text file" if _is_text(head) else None


def _is_text(head: bytes) -> bool:
    """Tell whether all bytes are those of UTF-8 text."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3:  # not just a character cut in two
            return False
        text = head[: error.start].decode("utf-8-sig")
    return all(letter.isprintable() or letter in "\t\r\n\f" for letter in text)
