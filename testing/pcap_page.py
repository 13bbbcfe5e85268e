"""The page docs/tcpdump.md: pcap-filter(7) line by line, and the differences. Out: its text, for `reference_pages`."""

from __future__ import annotations

from ebpfc.testing.pcap_manual import DIFFERENCES, LIBPCAP_ERRORS, PRIMITIVES, REFUSALS, SERVICE_NAMES, Difference

INTRODUCTION = """\
# From tcpdump

A filter of tcpdump is a match here: put it behind `drop` or `pass`, or compile it with `ebpfc -e`. This page says what
becomes of each primitive of pcap-filter(7), and where the meaning differs on purpose. `make docs` writes it from
`testing/pcap_manual.py`, and tests hold every line.

*libpcap, at random*: random expressions of this grammar and packets aimed at them are judged by libpcap itself, by the
reference and by the compiled program. Where none of the differences below applies, all three say the same of every
packet; where one does, our answer is checked by its rule. `make soak-pcap` runs it for as long as you like.
"""


def render_tcpdump() -> str:
    """The whole page."""
    lines = [INTRODUCTION, "## Primitives"]
    for heading, primitives in PRIMITIVES:
        lines += ["", f"### {heading}", "", "| primitive | example | answer | compared with |", "|---|---|---|---|"]
        for line in primitives:
            answer = f"[{line.answer}](errors/{line.answer}.md)" if line.answer else "accepted"
            example = line.example.replace("|", "\\|")
            lines.append(f"| {line.form} | `{example}` | {answer} | {line.compared} |")
    lines += ["", "## Differences on purpose", ""]
    lines += ["Each example's frame is in the words of `.cases` files.", ""]
    for difference in DIFFERENCES:
        lines += _difference(difference)
        if difference.number == 1:
            lines += _refused_mixture()
    lines += ["## Names", "", SERVICE_NAMES, "", "## Where libpcap goes against its manual", ""]
    for title, text in LIBPCAP_ERRORS:
        lines += [f"**{title}.** {text}", ""]
    lines += ["## What libpcap takes and we refuse", "", "| code | why |", "|---|---|"]
    lines += [f"| [{code}](errors/{code}.md) | {why} |" for code, why in REFUSALS.items()]
    return "\n".join(lines) + "\n"


def _difference(difference: Difference) -> list[str]:
    says = {True: "matches", False: "does not match"}
    return [
        f"**{difference.number}. {difference.title}.** {difference.text}",
        "",
        f"- `{difference.example}`",
        f"- frame: `{difference.frame}`",
        f"- here it {says[difference.ours]}, in tcpdump it {says[difference.theirs]}",
        "",
    ]


def _refused_mixture() -> list[str]:
    return [
        "**2. `and` to the right of `or` is refused.** tcpdump reads from the left, most languages do not. The message",
        "shows both readings with their parentheses: `tcp or udp and port 53` is [PF0207](errors/PF0207.md).",
        "",
    ]
