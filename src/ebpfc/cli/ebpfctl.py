"""The command `ebpfctl`: arguments in, an exit code out; what it does stands in ebpfctl_commands.py.

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 the kernel, its privileges or libbpf; 130 interrupted. Imports stay
inside the functions, so that `--help` answers at once.
"""

from __future__ import annotations

import argparse
import os
import sys

_EXIT_KERNEL = 3
_EXIT_INTERRUPTED = 130

_DESCRIPTION = (
    "Puts a compiled policy in force at a network device, shows what it counts, tries it on captured packets."
)
_EPILOG = """\
examples:
  ebpfctl attach out.o eth0                  put the policy in force, in place of an older one
  ebpfctl attach out.o eth0 --confirm 60     undo it after a minute, unless confirmed
  ebpfctl confirm eth0                       keep it
  ebpfctl stats eth0                         packets and bytes of every rule
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
rules are the same. Either all of it comes into force, or nothing has changed.

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
decided, and the counters of `count "name"`.
"""
_RUN = """\
Judges the frames of a capture (pcap or pcapng, Ethernet) by the object's own program in the kernel
(BPF_PROG_TEST_RUN); nothing is attached, no packet sent. What a test run cannot take is marked `?`: frames under
14 bytes; at tc IPv4 frames under 34 and IPv6 ones under 54 bytes; at XDP frames over a page.
"""


def main(argv: list[str] | None = None) -> int:
    """Runs one command. Every failure is a message on stderr and an exit code; none is a traceback."""
    arguments = _parser().parse_args(argv)
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        _quiet_stdout()
        return 0
    except Exception as problem:  # the last resort: whatever it is, the user gets a sentence
        from ebpfc.cli.ebpfctl_show import report_problem

        return report_problem(problem, raw=arguments.raw)


def _run(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_commands
    from ebpfc.runtime.namespaces import enter_network

    if arguments.netns:
        enter_network(arguments.netns)
    code: int = getattr(ebpfctl_commands, arguments.command)(arguments)
    sys.stdout.flush()
    return code


def _quiet_stdout() -> None:
    """The reader of our output has gone: the interpreter's last flush shall not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
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

    confirm = command("confirm", "keep a policy that is on trial", _CONFIRM)
    confirm.add_argument("device", metavar="DEV")

    detach = command("detach", "take all policies off a device", _DETACH)
    detach.add_argument("device", metavar="DEV")
    detach.add_argument("--keep", action="store_true", help="leave the maps: stats shows them, the next attach goes on")

    stats = command("stats", "what each rule has counted", _STATS)
    stats.add_argument("device", metavar="DEV")
    stats.add_argument("--json", action="store_true", help="one JSON document instead of tables")

    run = command("run", "judge captured packets", _RUN)
    run.add_argument("object", metavar="OBJECT")
    run.add_argument("capture", metavar="CAPTURE", help="a file in pcap or pcapng format, or - for stdin")
    run.add_argument("--hook", default="", metavar="HOOK", help="which program: xdp if there is one, else the first")
    run.add_argument("--json", action="store_true", help="one JSON object a line")
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 86_400:
        raise argparse.ArgumentTypeError("expected seconds, from 1 to 86400")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
