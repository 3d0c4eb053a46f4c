"""The page that developers see when a program raises: source, values and request, as ``cgitb`` once showed them.

``html`` and ``text`` make the two forms from an exception; what a secret's name says is a secret is not shown. ``enable``
makes a CGI script show its own, as ``cgitb.enable`` did. Whoever calls decides who may see it: never show it in public.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from html import escape
from pathlib import Path
from types import TracebackType

from millau.guarded_repr import Budget
from millau.raised import Frame, Raised, Reader

__all__ = ["answer", "enable", "html", "text"]

PAGE = "X-Millau-Page"
"""The field by which the server knows that a CGI script has answered with a page, and not with what it is for."""


def html(error: BaseException, variables: Mapping[str, object] | None = None, heading: str = "") -> str:
    """Give a whole HTML page for an exception, everything in it escaped.

    ``variables`` are those of the request; ``heading`` is a line above, ``GET /path`` say.
    """
    budget = Budget()
    chain = Reader(budget).chain(error)
    last = chain[-1]
    title = _title(last)
    out = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escaped(title)}</title><style>{_style()}</style></head>\n<body><header>"
        f"<p>{_escaped(heading)}</p><h1><b>{_escaped(last.kind)}</b>{_escaped(_after(last))}</h1></header><main>\n"
    ]
    _chain_html(chain, out, top=True)
    rows = _variables(variables, budget)
    if rows:
        out.append("<section><h2>Request</h2><details open><summary>Variables</summary>")
        _values_html(rows, out)
        out.append("</details></section>\n")
    version = ".".join(map(str, sys.version_info[:3]))
    out.append(
        f"</main><footer>Python {version} at <code>{_escaped(sys.executable or '?')}</code>. "
        "This page is shown because of <code>--debug</code>; never use that in public.</footer></body></html>\n"
    )
    return "".join(out)


def text(error: BaseException, variables: Mapping[str, object] | None = None, heading: str = "") -> str:
    """Give the same in plain text, for those who ask without a browser."""
    budget = Budget()
    out = [f"{heading}\n\n"] if heading else []
    _chain_text(Reader(budget).chain(error), out, "")
    rows = _variables(variables, budget)
    if rows:
        out.append("\nRequest\n")
        out += [f"  {name} = {value}\n" for name, value in rows]
    return _printable("".join(out))


def enable(display: bool = True) -> None:
    """Have this CGI script answer with a page when it raises; with ``display`` off, only write the traceback.

    Python sends what was printed on its way before it tells of an exception; then the page follows it, without a header.
    """

    def show(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if display and not issubclass(kind, (KeyboardInterrupt, SystemExit)) and not answer(error):
            sys.stdout.buffer.write(_page(error).encode())
            sys.stdout.flush()
        sys.__excepthook__(kind, error, trace)

    sys.excepthook = show


def answer(error: BaseException) -> bool:
    """Answer the request of this CGI script with a page for an exception, in place of what it has printed.

    Gives ``False``, and changes nothing, where a part of the script's own response has left the process already.
    """
    page = _page(error)
    if not _take_back():
        return False
    head = (
        f"Status: 500 Internal Server Error\nContent-Type: text/{'html' if _is_browser() else 'plain'}; charset=utf-8\n"
        f"{PAGE}: traceback\nCache-Control: no-store\nX-Content-Type-Options: nosniff\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\n\n"
    )
    sys.stdout.buffer.write(head.encode() + page.encode())
    sys.stdout.flush()
    return True


def _is_browser() -> bool:
    return "text/html" in os.environ.get("HTTP_ACCEPT", "").lower()


def _page(error: BaseException) -> str:
    heading = f"{os.environ.get('REQUEST_METHOD', '')} {os.environ.get('REQUEST_URI', '')}".strip()
    return (html if _is_browser() else text)(error, dict(os.environ), heading)


def _take_back() -> bool:
    """Take back what was printed, if all of it is still in the buffer of standard output."""
    descriptor = sys.stdout.fileno()
    untouched = _written() == 0
    kept, aside = os.dup(descriptor), os.memfd_create("printed")
    try:
        os.dup2(aside, descriptor)
        try:
            sys.stdout.flush()
        finally:
            os.dup2(kept, descriptor)
        printed = os.pread(aside, os.fstat(aside).st_size, 0)
        if untouched or re.match(rb"[!-9;-~]+:", printed):
            return True
        with open(descriptor, "wb", closefd=False) as standard_output:
            standard_output.write(printed)
        return False
    finally:
        os.close(kept)
        os.close(aside)


def _written() -> int:
    """Give the number of bytes that this process has written to anything; 0 where the system does not count them."""
    try:
        counts = Path("/proc/self/io").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in counts.splitlines() if line.startswith("wchar:")), 0)


def _variables(variables: Mapping[str, object] | None, budget: Budget) -> list[tuple[str, str]]:
    if not variables:
        return []
    rows = []
    for name, value in sorted(variables.items(), key=lambda pair: str(pair[0])):
        rows.append((str(name), budget.shown(value, str(name))))
    return rows


def _title(raised: Raised) -> str:
    return (raised.kind + _after(raised)).split("\n")[0]


def _after(raised: Raised) -> str:
    return f": {raised.message}" if raised.message else ""


# HTML


def _style() -> str:
    return Path(__file__).with_name("debug_page.css").read_text(encoding="utf-8")


def _printable(text: str) -> str:
    """A lone surrogate cannot be encoded, and a control character is no text: both are shown by their escape."""
    return "".join(
        c if c in "\n\t" or c.isprintable() or c.isspace() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in text
    )


def _escaped(text: str) -> str:
    return escape(_printable(text))


def _chain_html(chain: list[Raised], out: list[str], *, top: bool) -> None:
    for index, raised in enumerate(chain):
        out.append("<section>")
        if not top or len(chain) > 1 or raised.members:
            out.append(f'<p class="message"><b>{_escaped(raised.kind)}</b>{_escaped(_after(raised))}</p>')
        if not raised.frames:
            out.append('<p class="chain">It has no traceback: it was never raised.</p>')
        last = index == len(chain) - 1
        for position, frame in enumerate(raised.frames):
            innermost = position == len(raised.frames) - 1
            _frame_html(frame, out, is_open=last and top and (innermost or not _in_library(frame)))
        for number, member in enumerate(raised.members, 1):
            out.append(f'<div class="group"><p class="chain">{number} of {len(raised.members)} in the group</p>')
            _chain_html(member, out, top=False)
            out.append("</div>")
        out.append("</section>\n")
        if raised.relation:
            out.append(f'<p class="chain">The exception above {raised.relation}:</p>')


def _in_library(frame: Frame | int) -> bool:
    return isinstance(frame, int) or frame.library


def _frame_html(frame: Frame | int, out: list[str], *, is_open: bool) -> None:
    if isinstance(frame, int):
        out.append(f'<p class="chain">{frame} frames are left out here.</p>')
        return
    library = ' class="library"' if frame.library else ""
    function = f" in <b>{_escaped(frame.function)}</b>" if frame.function else ""
    out.append(
        f"<details{library}{' open' if is_open else ''}><summary><code>{_escaped(os.path.basename(frame.file))}:"
        f"{frame.number}</code>{function} <small>{_escaped(frame.file)}</small></summary>"
    )
    if frame.lines:
        out.append('<div class="source"><ol>')
        for line in frame.lines:
            begin, end = min(line.begin, len(line.text)), min(line.end, len(line.text))
            code = _escaped(line.text)
            if begin < end:
                before, inside, after = line.text[:begin], line.text[begin:end], line.text[end:]
                code = f"{_escaped(before)}<u>{_escaped(inside)}</u>{_escaped(after)}"
            here = ' class="here"' if line.here else ""
            out.append(f"<li{here}><i>{line.number}</i>{code}</li>")
        out.append("</ol></div>")
    if frame.values:
        _values_html(frame.values, out)
    out.append("</details>")


def _values_html(values: list[tuple[str, str]], out: list[str]) -> None:
    out.append('<table class="values">')
    for name, value in values:
        shown = _escaped(value)
        if value.startswith(("<", "(hidden")):
            shown = f"<em>{shown}</em>"
        out.append(f"<tr><td>{_escaped(name)}</td><td>{shown}</td></tr>\n")
    out.append("</table>")


# Text


def _chain_text(chain: list[Raised], out: list[str], indent: str) -> None:
    for raised in chain:
        if raised.frames:
            out.append(f"{indent}Traceback (most recent call last):\n")
        for frame in raised.frames:
            if isinstance(frame, int):
                out.append(f"{indent}  … {frame} frames are left out here\n")
                continue
            function = f", in {frame.function}" if frame.function else ""
            out.append(f'{indent}  File "{frame.file}", line {frame.number}{function}\n')
            for line in frame.lines:
                if line.here:
                    out.append(f"{indent}    {line.text.strip()}\n")
            if not frame.library:
                out += [f"{indent}      {name} = {value}\n" for name, value in frame.values]
        lines = f"{raised.kind}{_after(raised)}".split("\n")
        out += [f"{indent}{line}\n" for line in lines]
        for number, member in enumerate(raised.members, 1):
            out.append(f"{indent}  --- {number} of {len(raised.members)} in the group\n")
            _chain_text(member, out, indent + "  | ")
        if raised.relation:
            out.append(f"\n{indent}The exception above {raised.relation}:\n\n")
