"""Rules that every page keeps, so that a screen reader and a keyboard find their way."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"area", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr"}


class _Outline(HTMLParser):
    """What the rules need to know of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.named: list[str] = []
        """Ids that attributes point to."""
        self.headings: list[int] = []
        self.inputs: list[dict[str, str]] = []
        self.labels: list[str] = []
        self.counts: dict[str, int] = {}
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._count(tag, attributes)
        for name in attributes:
            if name == "style" or name.startswith("on"):
                self.faults.append(f"<{tag}> has {name}: the policy forbids it")
        if tag == "script" and "src" not in attributes:
            self.faults.append("a script stands in the page: the policy forbids it")
        if tag == "svg" and not attributes.get("aria-label"):
            self.faults.append("a picture has no text alternative")
        if tag == "th" and attributes.get("scope") not in ("row", "col"):
            self.faults.append("a head of a table has no scope")
        if tag == "caption" and self._open[-1:] != ["table"]:
            self.faults.append("a caption is not the first of its table")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._count(tag, {name: value or "" for name, value in attrs})

    def _count(self, tag: str, attributes: dict[str, str]) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if "id" in attributes:
            self.ids.append(attributes["id"])
        for name in ("for", "aria-labelledby", "aria-describedby", "list"):
            self.named += attributes.get(name, "").split()
        if tag == "label":
            self.labels.append(attributes.get("for", ""))
        if tag == "input" and attributes.get("type") != "hidden":
            self.inputs.append(attributes)
        if tag in ("h1", "h2", "h3", "h4"):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            self.faults.append(f"</{tag}> ends nothing")
            return
        while (ended := self._open.pop()) != tag:
            self.faults.append(f"<{ended}> is not ended before </{tag}>")

    def close(self) -> None:
        super().close()
        self.faults += [f"<{tag}> is never ended" for tag in self._open]


def faults_of(html: str) -> list[str]:
    """What is wrong with a page; nothing, of a good one."""
    outline = _Outline()
    outline.feed(html)
    outline.close()
    faults = outline.faults
    faults += [
        f"id {each} is there twice" for each in set(outline.ids) if outline.ids.count(each) > 1
    ]
    faults += [f"nothing has the id {each}" for each in outline.named if each not in outline.ids]
    faults += [
        f"no label for {each.get('name')}"
        for each in outline.inputs
        if each.get("id") not in outline.labels
    ]
    if outline.headings[:1] != [1] or outline.headings.count(1) != 1:
        faults.append("it does not begin with its one main heading")
    faults += [
        f"a heading of level {level} follows one of level {before}"
        for before, level in zip(outline.headings, outline.headings[1:], strict=False)
        if level > before + 1
    ]
    if outline.counts.get("table", 0) != outline.counts.get("caption", 0):
        faults.append("a table has no caption")
    faults += [
        f"there is no <{tag}>" for tag in ("main", "title", "nav") if not outline.counts.get(tag)
    ]
    if '<html lang="en">' not in html:
        faults.append("it does not say its language")
    return faults
