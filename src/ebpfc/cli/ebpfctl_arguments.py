"""What `ebpfctl` takes: its commands, their arguments and their help; nothing is done here, and little imported.

In: nothing. Out: `build_parser()`. Exit code 2 for what it does not take is argparse's.
"""

from __future__ import annotations

import argparse

_LONGEST_PICKUP = 86_400 * 10**9  # ns

_DESCRIPTION = (
    "Puts a compiled policy in force at a network device, shows what it counts and logs, changes its tables, tries it "
    "on captured packets."
)
_EPILOG = """\
examples:
  ebpfctl attach out.o eth0                  put the policy in force, in place of an older one
  ebpfctl attach out.o eth0 --confirm 60     undo it after a minute, unless confirmed
  ebpfctl confirm eth0                       keep it
  ebpfctl stats eth0                         packets and bytes of every rule
  ebpfctl table eth0 banned list             what is in a table, and how long still
  ebpfctl table eth0 banned add 192.0.2.7 for 10m
  ebpfctl table eth0 feeds load bad.txt      a table's whole content, out of a file
  ebpfctl events eth0                        what rules with `log` see, as it happens
  ebpfctl flows eth0                         the connections that `track` keeps
  ebpfctl run out.o capture.pcap             verdict and deciding rule of each captured packet
  ebpfctl detach eth0                        take it off, and everything that belongs to it
  ebpfctl --netns blue attach out.o eth0     in a namespace of `ip netns`

exit codes:
  0  done
  1  refused or failed: no such device, no object of ebpfc, another program is in the way
  2  usage
  3  the kernel, its privileges, or libbpf: what the verifier refused is named by its rule

Needs root, or CAP_BPF with CAP_NET_ADMIN and CAP_PERFMON; a kernel of 5.10 or newer; libbpf of 1.0 or newer.
Pins are under /sys/fs/bpf/ebpfc/NETNS-IFINDEX/POLICY/ and go with `detach` or a reboot; nothing else is kept anywhere.
"""

_ATTACH = """\
Loads an object and puts its policy in force, at every hook that it has a program for. A policy of the same name,
or one at the same hooks, is replaced: each hook in one step, no packet passes unfiltered; counters go on where the
rules are the same, tables keep their entries where key and size are. Either all of it comes into force, or nothing
has changed.

A policy that tracks connections and sees one direction only comes with a second program for the other: at tc egress, or
at tc ingress, where it passes everything and may stand beside another policy. Connections go on when a policy is
replaced. When it is attached for the first time none is known: with `default drop`, what was open is cut off, an ssh
session perhaps among it. `--pickup 60s` takes up for a minute what a rule or the other direction lets pass.

Refused: when the device has another XDP program; when the policy looks at VLAN tags and the NIC takes tags out of the
frames before XDP sees them (rx-vlan-offload), unless --fix-offload.
"""
_CONFIRM = """\
Makes a policy final that was attached with --confirm. After the time is over it has been undone: what was in force
before is in force again.
"""
_DETACH = """\
Takes every policy of ebpfctl off the device: programs, pins and state go, and features that --fix-offload turned off
come back. Programs of others stay.
"""
_STATS = """\
Shows each rule with its place, its text, and the packets and bytes that it matched, hook by hook; then what no rule
decided, and the counters of `count "name"`; of each table its entries, and how many the rules have added or could not;
of each limiter the packets within the rate, over it, and those whose key found no room (full); events that were lost;
where connections are tracked, how many there are, and how many of them are half-open.
"""
_TABLE = """\
Shows and changes a table of a policy in force, while packets are judged by it. A key is written as in the rules: an
address, a prefix for a table of prefixes (its key is `net`), a number (443, 0x1bb), a MAC address; of several fields in
the table's order, with spaces or commas between. An entry past its time is not there, whether it still takes room
or not.
"""
_TABLE_EPILOG = """\
examples:
  ebpfctl table eth0 banned list                      192.0.2.7 for 584s  # 12 packets, 720 bytes
  ebpfctl table eth0 banned add 192.0.2.7             for the table's timeout; for ever when it has none
  ebpfctl table eth0 banned add 2001:db8::7 for 1h
  ebpfctl table eth0 feeds add 198.51.100.0/24
  ebpfctl table eth0 pairs delete 192.0.2.7, 443      of a table with two fields
  ebpfctl table eth0 banned list > saved.txt          and back: load saved.txt
"""
_LIST = """\
Prints each entry with the time it has left, and the packets and bytes of the look-ups that found it. Without --json it
is a file that `load` reads: what is no key stands behind a #. With it, one object a line: key (an array of texts),
left_ns (null: for ever), packets, bytes.
"""
_ADD = """\
Adds an entry, or renews one that is there, which keeps its counts. It lasts for D (500ms, 30s, 10m, 2h, 7d), else for
the table's timeout, else for ever. Where there is no room, entries past their time go first; a table that evicts then
loses about its least recently used entry, any other refuses (exit code 1).
"""
_DELETE = """\
Deletes an entry; exit code 1 when it is not there. Of a prefix, address and length must be those that were added.
"""
_FLUSH = """\
Deletes every entry.
"""
_LOAD = """\
Makes the content of a file the table's whole content. A line is a key, and may go on with `for D`; what follows a # is
left out, so are empty lines; of keys that stand there twice the last counts. A wrong line is named with file, line and
column, and then nothing has changed. An entry that is in both, the old content and the new, is there all the time, with
its counts: what is new is added first, what is gone is deleted last. A million entries take some seconds.
"""
_EVENTS = """\
Shows what rules with `log` have seen since the policy was attached, then what they see, until ^C: time, verdict of the
rule (- for none), rule, the text after `log`, hook, and the packet as far as it was kept. It waits through a reload,
and ends with exit code 1 when the policy is taken off. An event is shown once, to one reader; a second one at the same
time is refused. Events that found no room, because nobody read fast enough, are counted on stderr, as they happen and
at the end.
"""
_FLOWS = """\
Lists the connections that a policy with `track` keeps, the oldest first: protocol, state of TCP, the ends as the first
packet had them (of an echo its identifier), VLAN tags, the encapsulation they are in; packets and bytes each way,
original/reply; how long it has been there, and how long it will be without another packet. A half-open one has
seen no packet of the reply. With --json one object a line.
"""
_FLOWS_EPILOG = """\
examples:
  ebpfctl flows eth0
  tcp    ESTABLISHED  src=192.0.2.7 dst=192.0.2.1 sport=4711 dport=22 packets=12/9 bytes=1804/2310 age=7s left=5d
  ebpfctl flows eth0 --count
  ebpfctl flows eth0 --flush       forget them all: what was open is invalid, until it begins anew
"""
_RUN = """\
Judges the frames of a capture (pcap or pcapng, Ethernet) by the object's own program in the kernel
(BPF_PROG_TEST_RUN); nothing is attached, no packet sent. What a test run cannot take is marked `?`: frames under
14 bytes; at tc IPv4 frames under 34 and IPv6 ones under 54 bytes; at XDP frames over a page.
"""


def build_parser() -> argparse.ArgumentParser:
    from ebpfc import __version__

    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("ebpfctl", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=form)
    parser.add_argument("--version", action="version", version=f"ebpfctl {__version__}")
    parser.add_argument("--netns", metavar="NAME", default="", help="work in this network namespace of `ip netns`")
    parser.add_argument("--raw", action="store_true", help="show the kernel's own words (the verifier's log) too")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, summary: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=text, formatter_class=form)
        made.add_argument("--raw", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        return made

    attach = command("attach", "put a policy in force at a device", _ATTACH)
    attach.add_argument("object", metavar="OBJECT", help="what ebpfc has made: out.o")
    attach.add_argument("device", metavar="DEV", help="the network device: eth0")
    attach.add_argument(
        "--mode",
        choices=("native", "generic", "offload"),
        default="",
        help="how XDP runs: in the driver, in the stack (slower), in the NIC; left out: the kernel's choice",
    )
    attach.add_argument(
        "--hook",
        action="append",
        default=[],
        metavar="HOOK",
        help='only this hook of the object: xdp, "tc ingress", "tc egress"; may be given again',
    )
    attach.add_argument(
        "--confirm",
        type=_seconds,
        default=None,
        metavar="SECONDS",
        help="undo it after so many seconds, unless Enter is pressed or `ebpfctl confirm DEV` run",
    )
    attach.add_argument(
        "--fix-offload",
        action="store_true",
        help="turn off what hides VLAN tags from XDP (rx-vlan-offload) until detach",
    )
    attach.add_argument(
        "--pickup",
        type=_pickup,
        default=0,
        metavar="D",
        help="take up connections from the middle for so long: 60s, 10m",
    )

    confirm = command("confirm", "keep a policy that is on trial", _CONFIRM)
    confirm.add_argument("device", metavar="DEV")

    detach = command("detach", "take all policies off a device", _DETACH)
    detach.add_argument("device", metavar="DEV")
    detach.add_argument("--keep", action="store_true", help="leave the maps: stats shows them, the next attach goes on")

    stats = command("stats", "what each rule has counted", _STATS)
    stats.add_argument("device", metavar="DEV")
    stats.add_argument("--json", action="store_true", help="one JSON document instead of tables")

    _add_table(command("table", "show and change a table", _TABLE), form)

    events = command("events", "what rules with `log` see", _EVENTS)
    events.add_argument("device", metavar="DEV")
    events.add_argument("--count", type=_count, default=None, metavar="N", help="end after so many events")
    events.add_argument("--hex", action="store_true", help="the bytes that were kept, under each line")
    events.add_argument("--json", action="store_true", help="one JSON object a line, the bytes as hex in `data`")
    _add_policy(events)

    _add_flows(command("flows", "connections that are tracked", _FLOWS))

    run = command("run", "judge captured packets", _RUN)
    run.add_argument("object", metavar="OBJECT")
    run.add_argument("capture", metavar="CAPTURE", help="a file in pcap or pcapng format, or - for stdin")
    run.add_argument("--hook", default="", metavar="HOOK", help="which program: xdp if there is one, else the first")
    run.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _add_table(table: argparse.ArgumentParser, form: type[argparse.HelpFormatter]) -> None:
    table.epilog = _TABLE_EPILOG
    table.add_argument("device", metavar="DEV")
    table.add_argument("name", metavar="NAME", help="the table's name in the rules; `ebpfctl stats DEV` lists them")
    _add_policy(table)
    operations = table.add_subparsers(dest="operation", required=True, metavar="OPERATION")

    def operation(name: str, summary: str, text: str) -> argparse.ArgumentParser:
        made = operations.add_parser(name, help=summary, description=text, formatter_class=form)
        made.add_argument("--raw", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
        made.add_argument("--json", action="store_true", help="JSON instead of text")
        return made

    operation("list", "print the entries", _LIST)
    add = operation("add", "add or renew one", _ADD)
    add.usage = "ebpfctl table DEV NAME add [--json] KEY [for D]"
    add.add_argument("words", nargs="+", metavar="KEY", help="its fields, then `for D`, if it shall last that long")
    delete = operation("delete", "delete one", _DELETE)
    delete.add_argument("words", nargs="+", metavar="KEY", help="its fields")
    operation("flush", "delete all", _FLUSH)
    load = operation("load", "replace the whole content", _LOAD)
    load.add_argument("file", metavar="FILE", help="one key a line; - for stdin")


def _add_flows(flows: argparse.ArgumentParser) -> None:
    flows.epilog = _FLOWS_EPILOG
    flows.add_argument("device", metavar="DEV")
    what = flows.add_mutually_exclusive_group()
    what.add_argument("--count", action="store_true", help="only how many there are")
    what.add_argument("--flush", action="store_true", help="forget them all")
    flows.add_argument("--json", action="store_true", help="one JSON object a line")
    _add_policy(flows)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    text = "whose, where several policies at the device could be meant"
    parser.add_argument("--policy", default="", metavar="POLICY", help=text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) < 10**9:
        raise argparse.ArgumentTypeError("expected a number of events, from 1")
    return int(text)


def _pickup(text: str) -> int:
    """Nanoseconds."""
    from ebpfc.runtime.durations import parse_duration
    from ebpfc.runtime.errors import ControlError

    try:
        duration = parse_duration(text)
    except ControlError:
        duration = 0
    if not 0 < duration <= _LONGEST_PICKUP:
        raise argparse.ArgumentTypeError("expected a time up to a day: 60s, 10m")
    return duration


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("expected seconds, from 1 to 86400")
    return seconds
