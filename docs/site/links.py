"""A preprocessor of mdBook: what the pages link to outside docs/ is in the repository, not on the site.

The pages are read in the repository too, so their links are those of files. On the site a link to a file of ours that is no page leads
to the repository, and one to a README.md to the index.html that mdBook makes of it. mdBook runs this (docs/book.toml); it is given
[context, book] on stdin and wants the book back.
"""

import json
import posixpath
import re
import sys

# The target of an inline link or image: ](target)
LINK = re.compile(r"(\]\()([^)\s]+)(\))")


def on_the_site(page, link, repository):
    """The target `link` of the page at `page` (both in docs/) as the site has it."""
    path, hash_mark, anchor = link.partition("#")
    if not path or "://" in path or path.startswith("mailto:"):
        return link
    target = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page), path))
    if not target.startswith("docs/") or not target.endswith(".md"):
        return f"{repository}/blob/main/{target}{hash_mark}{anchor}"
    if posixpath.basename(path) == "README.md":
        path = posixpath.join(posixpath.dirname(path), "index.md")
    return path + hash_mark + anchor


def rewrite(items, repository):
    """Rewrites the links of chapters and of those below them, outside blocks of code."""
    for item in items:
        chapter = item.get("Chapter") if isinstance(item, dict) else None
        if chapter is None:
            continue
        page = chapter["source_path"]
        fence = None
        lines = chapter["content"].split("\n")
        for number, line in enumerate(lines):
            mark = line.lstrip()[:3]
            if mark in ("```", "~~~") and fence in (None, mark):
                fence = None if fence else mark
            elif not fence:
                lines[number] = LINK.sub(lambda it: it[1] + on_the_site(page, it[2], repository) + it[3], line)
        chapter["content"] = "\n".join(lines)
        rewrite(chapter["sub_items"], repository)


def main():
    if len(sys.argv) > 1 and sys.argv[1] == "supports":
        return
    context, book = json.load(sys.stdin)
    repository = context["config"]["output"]["html"]["git-repository-url"]
    rewrite(book.get("items") or book.get("sections"), repository)
    json.dump(book, sys.stdout)


main()
