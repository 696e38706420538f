"""Pages: what a person opens to see what was made, whether it is right, and what it cost.

One self-contained HTML file per dub and per batch: no network, no font, no library; it opens from
disk. The drawings are SVG written by the templates: docs/adr/0009 says why.
"""
