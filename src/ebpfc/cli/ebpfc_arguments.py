"""The command line of `ebpfc`: words in, a checked namespace out, or the usage error that says what to write (exit 2).

Compiling has no word before the file; `check`, `inspect`, `match` and `lint` begin with theirs. Only the standard
library, and no other part of ours: `ebpfc --help` must answer at once.
"""

from __future__ import annotations

import argparse
import ipaddress
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from ebpfc import __version__
from ebpfc.cli.output import printable

OLDEST_KERNEL = (5, 10)

DESCRIPTION = """\
Compiles packet-filter rules, written in tcpdump's language, to an eBPF object that stands alone: it carries the whole
policy, and stock tools load it.

  ebpfc RULES -o OUT          compile a file of rules
  ebpfc -e EXPR -o OUT        compile one expression: what it matches passes, the rest drops
  ebpfc check RULES           all but the build: report what is wrong, write nothing
  ebpfc inspect OUT           show programs, maps, rules, instruction counts and stack of an object
  ebpfc match EXPR FILE       the packets of a capture that a match is true of
  ebpfc lint --pcap EXPR      where a match means something else than tcpdump's filter of the same words
"""

EPILOG = """\
examples:
  ebpfc edge.pf -o edge.o
  ip link set dev eth0 xdp obj edge.o sec xdp         # in force, with nothing of ours installed
  ebpfctl attach edge.o eth0                          # the same, with counters for each rule

  ebpfc -e 'tcp dst port 22 and src net 10.0.0.0/8' -o ssh.o
  ebpfc edge.pf --emit-c -                            # read the C that is compiled
  ebpfc check edge.pf --json                          # for editors and CI
  ebpfc match 'tcp dst port 22' in.pcap -w ssh.pcap   # try it on real packets first, without root

compiler:
  --cc, else the variable EBPFC_CC, else the pinned one of `pip install 'ebpfc[clang]'`, else the newest
  clang (14 or later) on PATH. With the pinned one, the same rules and options give the same bytes on
  every machine.

exit status:
  0    done, warnings or not
  1    the rules are wrong: the messages say where, and what to write instead
  2    the command line is wrong, or the output cannot be written
  3    the toolchain failed; also an internal error of ebpfc
  130  interrupted

environment:
  EBPFC_CC          the compiler, when --cc does not name one
  NO_COLOR          no colours with --color auto
  TMPDIR            where the compiler works
  EBPFC_TRACEBACK   show where an internal error happened

The language: docs/language.md. Each message has a code; its page is docs/errors/PFnnnn.md.
See also: ebpfctl --help.
"""

INSPECT_EPILOG = """\
The object may be any BPF object; rules, counters and hooks are shown for those that ebpfc made.
Instructions are counted as the kernel does, with the functions that a program calls; stack is that of
the deepest call chain, each frame rounded up to 32 bytes (the verifier's limit is 512).

exit status:
  0  shown      1  the file cannot be read      2  usage      3  not a BPF object
"""

MATCH_EPILOG = """\
FILE is a pcap or pcapng file of Ethernet frames; - is standard input. Times are UTC. Of a packet that was not
captured whole, the missing bytes make a test unknown, `malformed` true; `len` is the length on the wire.

examples:
  ebpfc match 'tcp dst port 22 and not src net 10.0.0.0/8' in.pcap
  tcpdump -i eth0 -w - | ebpfc match 'vxlan 5 and arp' - -w - | tcpdump -r -

exit status:
  0  done, whether packets matched or not
  1  the expression is wrong: the messages say where, and what to write instead
  2  the command line is wrong, or the output cannot be written
  3  the capture cannot be read, or is damaged: what comes before the damage is printed, -w leaves no new file
"""

LINT_EPILOG = """\
Says, for each of the documented differences that the expression meets, where it is met and what to write for
tcpdump to mean the same, if there is a way. The differences are meant: nothing needs mending.

example:
  ebpfc lint --pcap 'tcp dst port 22'

exit status:
  0  done, differences or not
  1  the expression is wrong, or tcpdump and others would read it differently: the message has both readings
  2  usage
"""


class Parser(argparse.ArgumentParser):
    """Without abbreviations, and with messages that are safe to print whatever was typed."""

    def error(self, message: str) -> NoReturn:
        """Exit status 2."""
        print(f"{self.prog}: {printable(message)}", file=sys.stderr)
        print(f"  = help: {self.prog} --help shows what can stand here", file=sys.stderr)
        raise SystemExit(2)


def parse_arguments(argv: Sequence[str]) -> argparse.Namespace:
    """`command` is "compile", "check", "inspect", "match" or "lint". Raises SystemExit: 0 after --help, 2 if wrong."""
    if argv[:1] == ["inspect"]:
        return _inspect_parser().parse_args(argv[1:])
    if argv[:1] == ["match"]:
        return _match_arguments(argv[1:])
    if argv[:1] == ["lint"]:
        return _lint_parser().parse_args(argv[1:])
    command = "check" if argv[:1] == ["check"] else "compile"
    parser = _check_parser() if command == "check" else _compile_parser()
    if not argv:
        parser.print_usage(sys.stderr)
        raise SystemExit(2)
    arguments = parser.parse_args(argv[1:] if command == "check" else argv)
    if (arguments.rules is None) == (arguments.expression is None):
        parser.error("name one file of rules, or one expression with -e")
    if command == "compile":
        _check_outputs(parser, arguments)
    return arguments


def _check_outputs(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.output is None and arguments.emit_c is None and arguments.dump_after is None:
        parser.error("no output: write -o out.o (or --emit-c -, or `ebpfc check`)")
    if arguments.output == "-":
        parser.error("the object is no text for a terminal: write -o out.o")
    if arguments.json and (arguments.emit_c == "-" or arguments.dump_after is not None):
        parser.error("--json has standard output for itself: give --emit-c a file, leave --dump-after out")
    if arguments.output is not None and arguments.output == arguments.emit_c:
        parser.error("the object and its C cannot go to one file")


def _compile_parser() -> Parser:
    parser = Parser(
        prog="ebpfc",
        usage="ebpfc (RULES | -e EXPR) -o OUT [options]\n       ebpfc check (RULES | -e EXPR) [options]\n"
        "       ebpfc inspect OUT [--json]\n       ebpfc match EXPR FILE [-w OUT] [options]\n"
        "       ebpfc lint --pcap EXPR [options]",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command="compile")
    _add_source(parser)
    output = parser.add_argument_group("output")
    output.add_argument(
        "-o", dest="output", metavar="OUT", help="the object to write; replaced only when all went well"
    )
    output.add_argument("--emit-c", metavar="FILE", help="write the C that is compiled; - is standard output")
    output.add_argument("--no-counters", action="store_true", help="count nothing: no rule, entry or connection")
    output.add_argument("--cc", metavar="CC", help="the compiler: a clang, or zig")
    output.add_argument("--dump-after", metavar="PASS", help="print the rules as they are after a pass")
    _add_meaning(parser)
    _add_messages(parser)
    parser.add_argument("--version", action="version", version=f"ebpfc {__version__}")
    return parser


def _check_parser() -> Parser:
    parser = Parser(
        prog="ebpfc check",
        description="Does all but the build: reports errors and warnings, writes nothing, needs no compiler.",
        epilog="exit status: 0 the rules are right (warnings or not), 1 they are wrong, 2 usage.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command="check", output=None, emit_c=None, no_counters=False, cc=None, dump_after=None)
    _add_source(parser)
    _add_meaning(parser)
    _add_messages(parser)
    return parser


def _inspect_parser() -> Parser:
    parser = Parser(
        prog="ebpfc inspect",
        description="Shows what stands in an object.",
        epilog=INSPECT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command="inspect", quiet=False, color="auto", raw=False)
    parser.add_argument("object", metavar="OUT", help="the object file")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _match_arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="ebpfc match",
        description="Shows the packets of a capture that a match is true of. Needs neither root nor a compiler.",
        epilog=MATCH_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command="match", quiet=False, raw=False)
    parser.add_argument("expression", metavar="EXPR", help="the match, quoted for the shell")
    parser.add_argument("capture", metavar="FILE", help="the capture; - is standard input")
    parser.add_argument(
        "-w", dest="output", metavar="OUT", help="write the packets to a pcap file instead; - is standard output"
    )
    parser.add_argument("--count", action="store_true", help="print only how many match")
    parser.add_argument("--json", action="store_true", help="print a JSON object a packet, one a line")
    _add_netmask(parser)
    _add_colour(parser)
    arguments = parser.parse_args(argv)
    if arguments.output == "-" and (arguments.count or arguments.json):
        parser.error("-w - has standard output for itself: give it a file, or leave --count and --json out")
    if arguments.count and arguments.json:
        parser.error("--count and --json are two ways to print: give one")
    return arguments


def _lint_parser() -> Parser:
    parser = Parser(
        prog="ebpfc lint",
        description="Shows where a match means something else than tcpdump's filter of the same words.",
        epilog=LINT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command="lint")
    parser.add_argument("--pcap", metavar="EXPR", required=True, help="the match, quoted for the shell")
    _add_netmask(parser)
    _add_messages(parser)
    return parser


def _add_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rules", metavar="RULES", nargs="?", help="the file of rules")
    parser.add_argument("-e", dest="expression", metavar="EXPR", help="one match instead of a file")


def _add_meaning(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the rules mean")
    group.add_argument(
        "--kernel",
        metavar="X.Y",
        type=_kernel,
        help="the oldest kernel that must load it, 5.10 or later (the oldest that needs no slower way round)",
    )
    _add_netmask(group)


def _add_messages(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("messages")
    group.add_argument("--json", action="store_true", help="print what was found as JSON, on standard output")
    group.add_argument("--quiet", action="store_true", help="errors only: no warnings, no progress")
    _add_colour(group)
    group.add_argument("--raw", action="store_true", help="add the compiler's own words to a toolchain error")


def _add_netmask(group: argparse._ActionsContainer) -> None:
    group.add_argument("--netmask", metavar="MASK", type=_netmask, help="the network's mask, for `ip broadcast`")


def _add_colour(group: argparse._ActionsContainer) -> None:
    group.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="colours (auto: on a terminal)"
    )


def _kernel(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([0-9]{1,3})\.([0-9]{1,3})", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no kernel version: write X.Y, as 5.10")
    version = (int(found[1]), int(found[2]))
    if version < OLDEST_KERNEL:
        raise argparse.ArgumentTypeError(f"kernel {text} is too old: 5.10 is the oldest that objects can be made for")
    return version


def _netmask(text: str) -> int:
    """`255.255.255.0`, `/24` or `24`, as the 32-bit number 0xffffff00."""
    if (found := re.fullmatch(r"/?([0-9]{1,2})", text)) is not None and int(found[1]) <= 32:
        return 0xFFFFFFFF << (32 - int(found[1])) & 0xFFFFFFFF
    try:
        return int(ipaddress.IPv4Address(text))
    except ValueError as error:
        message = f"{text!r} is no netmask: write it as 255.255.255.0 or /24"
        raise argparse.ArgumentTypeError(message) from error
