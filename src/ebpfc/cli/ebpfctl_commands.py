"""One function a subcommand of `ebpfctl`: parsed arguments in, an exit code out; failures are ControlErrors."""

from __future__ import annotations

import argparse
import select
import sys

from ebpfc.cli import ebpfctl_show as show
from ebpfc.cli.ebpfctl_files import opened_file, read_object
from ebpfc.runtime.attach import Attached, AttachOptions, attach_policy
from ebpfc.runtime.detach import detach_policies
from ebpfc.runtime.device import Device, find_device
from ebpfc.runtime.errors import ControlError, quote
from ebpfc.runtime.manifest import manifest_of
from ebpfc.runtime.pickup import cuts_connections
from ebpfc.runtime.undo import confirm_trial, is_in_force, trial_left


def attach(arguments: argparse.Namespace) -> int:
    data = read_object(arguments.object)
    device = find_device(arguments.device)
    options = AttachOptions(tuple(arguments.hook), arguments.mode, arguments.fix_offload, pickup=arguments.pickup)
    if not arguments.pickup and cuts_connections(manifest_of(data), device):
        show.warn_of_cut_connections(device)
    if arguments.confirm is None:
        show.print_attached(attach_policy(data, device, options), device)
        return 0
    attached = _attach_on_trial(data, device, options, arguments.confirm)
    show.print_attached(attached, device)
    show.print_trial(device, arguments.confirm)
    return _await_enter(device, attached.policy) if sys.stdin.isatty() else 0


def confirm(arguments: argparse.Namespace) -> int:
    device = find_device(arguments.device)
    policies = confirm_trial(device)
    print(f"{', '.join(policies)} stays in force at {quote(device.name, 32)}")
    return 0


def detach(arguments: argparse.Namespace) -> int:
    device = find_device(arguments.device)
    policies = detach_policies(device, keep_maps=arguments.keep)
    name = quote(device.name, 32)
    if not policies:
        raise ControlError(f"no policy is attached to {name}")
    kept = "; its maps stay: ebpfctl detach without --keep takes them too" if arguments.keep else ""
    print(f"{', '.join(policies)} is off {name}{kept}")
    return 0


def stats(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_stats
    from ebpfc.runtime.stats import read_stats

    device = find_device(arguments.device)
    policies = read_stats(device)
    if arguments.json:
        ebpfctl_stats.print_stats_json(policies, device)
    else:
        ebpfctl_stats.print_stats(policies, device)
    return 0


def run(arguments: argparse.Namespace) -> int:
    from ebpfc.runtime.capture import read_capture
    from ebpfc.runtime.replay import replay

    data = read_object(arguments.object)
    with opened_file(arguments.capture) as stream:
        _, hook, judged = replay(data, read_capture(stream), arguments.hook)
        if arguments.json:
            show.print_run_json(judged, hook)
        else:
            show.print_run(judged, hook)
    return 0


def table(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_table

    return ebpfctl_table.table(arguments)


def events(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_events

    return ebpfctl_events.events(arguments)


def flows(arguments: argparse.Namespace) -> int:
    from ebpfc.cli import ebpfctl_flows

    return ebpfctl_flows.flows(arguments)


def _attach_on_trial(data: bytes, device: Device, options: AttachOptions, seconds: float) -> Attached:
    """The watchdog stands before anything is attached: from then on no death of ours leaves the policy in force."""
    import secrets
    from dataclasses import replace

    from ebpfc.runtime.watchdog import Watchdog

    token = secrets.token_hex(8)
    with Watchdog(device, token, seconds):
        return attach_policy(data, device, replace(options, trial=token, trial_seconds=seconds))


def _await_enter(device: Device, policy: str) -> int:
    """Enter keeps the policy. The terminal may be gone by now; then the time runs out, and the watchdog undoes it."""
    name = quote(device.name, 32)
    while left := trial_left(device):
        readable, _, _ = select.select([sys.stdin], [], [], min(left, 0.5))
        if readable:
            if not sys.stdin.readline():
                return 0  # the terminal has hung up: nobody has confirmed
            print(f"{', '.join(confirm_trial(device))} stays in force at {name}")
            return 0
    if left is None and is_in_force(device, policy):
        print(f"confirmed from elsewhere: {policy} stays in force at {name}")
        return 0
    print(f"not confirmed: {policy} is off {name}", file=sys.stderr)
    return 1
