"""Every link of the built site leads to a page of it, and to a heading that is there: check.py FOLDER. Links elsewhere are not followed.

Ends with 1 and a line for each link that does not.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors.add(attributes.get("id"))
        # `base` says where the links of the page for wrong addresses begin; it is none itself.
        if tag != "base":
            self.links += filter(None, (attributes.get("href"), attributes.get("src")))


def wrong_links(root):
    # All pages once more on one, where links between pages are made into links inside it by mdBook; and the page for wrong addresses.
    pages = {path: Page(path.read_text("utf-8")) for path in root.rglob("*.html") if path.name not in ("print.html", "404.html", "toc.html")}
    n_links = 0
    for path, page in sorted(pages.items()):
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            n_links += 1
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                yield f"{path.relative_to(root)}: {link} leads nowhere"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.relative_to(root)}: {link}: there is no such heading"
    if n_links < 100 or len(pages) < 20:
        yield f"only {len(pages)} pages and {n_links} links: is {root} the site?"
    print(f"{len(pages)} pages, {n_links} links")


found = list(wrong_links(Path(sys.argv[1]).resolve()))
print("\n".join(found), file=sys.stderr)
sys.exit(1 if found else 0)
