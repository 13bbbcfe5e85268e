"""One program at one hook of a device: attached, replaced without a gap, taken off.

In: a hook ("xdp", "tc ingress", "tc egress"), a device's number, a program's descriptor. Out: `Attachment`, a record
of how it is attached. Three ways: a link at XDP (kernel 5.9), a TCX link (6.6), and before that a filter of the
clsact queueing discipline. A link lives as long as its pin or a descriptor; a filter lives until it is deleted.
At tc our program comes first, and what it lets pass (TC_ACT_UNSPEC) goes on to the programs after it.
Sources: kernel/bpf/syscall.c (link_create), net/core/dev.c (dev_xdp_attach), kernel/bpf/tcx.c, tc-bpf(8).
"""

from __future__ import annotations

import ctypes
import errno
from dataclasses import dataclass
from typing import Final, Literal

from ebpfc.runtime.errors import ControlError, KernelError, failure_of, quote
from ebpfc.runtime.libbpf import (
    ATTACH_TCX_EGRESS,
    ATTACH_TCX_INGRESS,
    ATTACH_XDP,
    BPF_F_BEFORE,
    TC_EGRESS,
    TC_F_REPLACE,
    TC_INGRESS,
    XDP_FLAGS_DRV_MODE,
    XDP_FLAGS_HW_MODE,
    XDP_FLAGS_SKB_MODE,
    LinkCreateOptions,
    LinkInfo,
    LinkUpdateOptions,
    TcHook,
    TcOptions,
    XdpQueryOptions,
    check,
    libbpf,
)
from ebpfc.runtime.object import program_info, program_name_of_id

Method = Literal["xdp link", "tcx link", "clsact filter"]
HOOKS: Final = ("xdp", "tc ingress", "tc egress")
MODES: Final[dict[str, int]] = {
    "": 0,  # the kernel's choice: the driver where it can, else the stack
    "native": XDP_FLAGS_DRV_MODE,
    "generic": XDP_FLAGS_SKB_MODE,
    "offload": XDP_FLAGS_HW_MODE,
}
_MODE_NUMBERS: Final = {1: "native", 2: "generic", 3: "offload"}  # XDP_ATTACHED_*, linux/if_link.h
_TCX: Final = {"tc ingress": ATTACH_TCX_INGRESS, "tc egress": ATTACH_TCX_EGRESS}
_CLSACT: Final = {"tc ingress": TC_INGRESS, "tc egress": TC_EGRESS}
_NO_TCX: Final = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, 524)


@dataclass(frozen=True, slots=True)
class Attachment:
    """`mode` is of XDP; `handle`, `priority` and `made_clsact` (we made the queueing discipline) are of a filter.
    `companion`: the program judges nothing, and keeps connections (manifest_track.py)."""

    hook: str
    method: Method
    mode: str = ""
    handle: int = 0
    priority: int = 0
    made_clsact: bool = False
    companion: bool = False

    @property
    def is_link(self) -> bool:
        return self.method != "clsact filter"

    def is_filter_of(self, other: Attachment) -> bool:
        """Whether both records are of one filter."""
        place = (self.hook, self.handle, self.priority)
        return not self.is_link and not other.is_link and place == (other.hook, other.handle, other.priority)


def attach(hook: str, ifindex: int, program_fd: int, mode: str = "", *, tcx: bool = True) -> tuple[Attachment, int]:
    """Attaches where nothing of ours is yet. Answers a link's descriptor too, or -1 for a filter."""
    if hook == "xdp":
        link = _create_link(ATTACH_XDP, ifindex, program_fd, MODES[mode])
        if link < 0:
            raise _xdp_refusal(-link, mode)
        return Attachment(hook, "xdp link", attached_xdp(ifindex)[1]), link
    if tcx:
        link = _create_link(_TCX[hook], ifindex, program_fd, BPF_F_BEFORE)
        if link >= 0:
            return Attachment(hook, "tcx link"), link
        if -link not in _NO_TCX:
            raise failure_of(f"attach at {hook}", -link)
    return _attach_filter(hook, ifindex, program_fd), -1


def replace_linked(link_fd: int, program_fd: int) -> None:
    """The link's program becomes another in one step: no packet passes between."""
    check("replace the program", libbpf().bpf_link_update(link_fd, program_fd, ctypes.byref(LinkUpdateOptions())))


def end_link(link_fd: int) -> None:
    """Now, so that the place is free for the next: with its last pin a link ends too, but some time later (an inode is
    freed after an RCU grace period: kernel/bpf/inode.c), or never while another process holds it."""
    libbpf().bpf_link_detach(link_fd)


def put_filter(attachment: Attachment, ifindex: int, program_fd: int) -> None:
    """A filter's program becomes another in one step, or comes back where it is gone."""
    where = TcHook(ifindex=ifindex, attach_point=_CLSACT[attachment.hook])
    answer = libbpf().bpf_tc_hook_create(ctypes.byref(where))
    if answer not in (0, -errno.EEXIST):
        raise failure_of("make the clsact queueing discipline", -answer)
    options = TcOptions(prog_fd=program_fd, flags=TC_F_REPLACE, handle=attachment.handle, priority=attachment.priority)
    check(
        f"replace the filter at {attachment.hook}", libbpf().bpf_tc_attach(ctypes.byref(where), ctypes.byref(options))
    )


def remove_filter(attachment: Attachment, ifindex: int) -> None:
    """Deletes a filter; the queueing discipline too, when we made it and nothing else uses it."""
    where = TcHook(ifindex=ifindex, attach_point=_CLSACT[attachment.hook])
    options = TcOptions(handle=attachment.handle, priority=attachment.priority)
    answer = libbpf().bpf_tc_detach(ctypes.byref(where), ctypes.byref(options))
    if answer not in (0, -errno.ENOENT, -errno.EINVAL, -errno.ENODEV):
        raise failure_of(f"delete the filter at {attachment.hook}", -answer)
    if attachment.made_clsact and not _has_filters(ifindex):
        both = TcHook(ifindex=ifindex, attach_point=TC_INGRESS | TC_EGRESS)
        libbpf().bpf_tc_hook_destroy(ctypes.byref(both))


def filter_program(attachment: Attachment, ifindex: int) -> int:
    """The number of the program in our filter, or 0 when the filter is gone."""
    where = TcHook(ifindex=ifindex, attach_point=_CLSACT[attachment.hook])
    options = TcOptions(handle=attachment.handle, priority=attachment.priority)
    answer = libbpf().bpf_tc_query(ctypes.byref(where), ctypes.byref(options))
    return int(options.prog_id) if answer == 0 else 0


def link_info(link_fd: int) -> LinkInfo:
    """`ifindex` is 0 in it once the device is gone."""
    info = LinkInfo()
    size = ctypes.c_uint32(ctypes.sizeof(info))
    check("read a link's record", libbpf().bpf_obj_get_info_by_fd(link_fd, ctypes.byref(info), ctypes.byref(size)))
    return info


def attached_xdp(ifindex: int) -> tuple[int, str]:
    """Number and mode of the XDP program of a device; (0, "") when it has none."""
    options = XdpQueryOptions()
    check("ask for the XDP program", libbpf().bpf_xdp_query(ifindex, 0, ctypes.byref(options)))
    number = options.prog_id or options.drv_prog_id or options.skb_prog_id or options.hw_prog_id
    return int(number), _MODE_NUMBERS.get(int(options.attach_mode), "") if number else ""


def refuse_foreign_xdp(ifindex: int, device: str, ours: frozenset[int]) -> None:
    """A device has room for one XDP program. ControlError when it has one whose number is not among `ours`."""
    number, mode = attached_xdp(ifindex)
    if number == 0 or number in ours:
        return
    name = quote(program_name_of_id(number), 16) or "?"
    raise ControlError(
        f"{quote(device, 32)} already has an XDP program that ebpfctl did not attach: {name}, number {number}, {mode}",
        (f"take it off if it may go: ip link set dev {quote(device, 32)} xdp off", "or attach at tc instead"),
    )


def _create_link(attach_type: int, ifindex: int, program_fd: int, flags: int) -> int:
    options = LinkCreateOptions(flags=flags)
    return int(libbpf().bpf_link_create(program_fd, ifindex, attach_type, ctypes.byref(options)))


def _xdp_refusal(error: int, mode: str) -> KernelError:
    doing = f"attach at xdp{' in mode ' + mode if mode else ''}"
    failure = failure_of(doing, error)
    if error == errno.ERANGE:
        failure = KernelError(f"cannot {doing}: packets of the device's MTU do not fit in a page", error=error)
    if error in (errno.EOPNOTSUPP, errno.EINVAL, errno.ERANGE) and mode != "generic":
        failure.hints = (
            "try --mode generic: it works with every driver, more slowly",
            "lower the device's MTU (to about 3,500 bytes) and turn off LRO: native XDP needs a packet in one page",
        )
    elif error == errno.EBUSY:
        failure.hints = ("another program was attached meanwhile: see `bpftool net`",)
    return failure


def _attach_filter(hook: str, ifindex: int, program_fd: int) -> Attachment:
    where = TcHook(ifindex=ifindex, attach_point=_CLSACT[hook])
    made = int(libbpf().bpf_tc_hook_create(ctypes.byref(where)))
    if made not in (0, -errno.EEXIST):
        raise failure_of("make the clsact queueing discipline", -made)
    options = TcOptions(prog_fd=program_fd)  # no priority: the kernel takes one before all others
    check(f"attach a filter at {hook}", libbpf().bpf_tc_attach(ctypes.byref(where), ctypes.byref(options)))
    return Attachment(hook, "clsact filter", "", int(options.handle), int(options.priority), made == 0)


def _has_filters(ifindex: int) -> bool:
    """Whether anything is attached to the clsact queueing discipline of a device, by whomever."""
    from pyroute2 import IPRoute

    with IPRoute() as route:
        return any(True for parent in (0xFFFFFFF2, 0xFFFFFFF3) for _ in route.get_filters(index=ifindex, parent=parent))


def program_number(program_fd: int) -> int:
    return int(program_info(program_fd).id)
