"""libbpf (1.0 or newer) through ctypes: the prototypes of every entry point that the runtime calls, in this one file.

In: the system's libbpf.so.1. Out: `libbpf()`, the library with argument types set; the option structs of
`bpf/bpf.h` and `bpf/libbpf.h`; `captured_messages`, what libbpf and the verifier say during a call.

Calling rules: a low-level function answers a number below zero on failure, -errno; a function that answers a
pointer answers NULL and sets errno. Structs begin with their own size, so that older and newer libraries agree.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint8, c_uint32, c_uint64, c_void_p

from ebpfc.runtime.errors import KernelError, failure_of

# Numbers of linux/bpf.h and linux/if_link.h.
MAP_TYPE_HASH = 1
MAP_TYPE_ARRAY = 2
MAP_TYPE_PERCPU_ARRAY = 6
MAP_TYPE_LRU_HASH = 9
MAP_TYPE_LPM_TRIE = 11
MAP_TYPE_RINGBUF = 27
ATTACH_XDP = 37
ATTACH_TCX_INGRESS = 46
ATTACH_TCX_EGRESS = 47
XDP_FLAGS_UPDATE_IF_NOEXIST = 1
XDP_FLAGS_SKB_MODE = 2
XDP_FLAGS_DRV_MODE = 4
XDP_FLAGS_HW_MODE = 8
BPF_F_REPLACE = 4
BPF_F_BEFORE = 8
# Numbers of bpf/libbpf.h.
TC_INGRESS = 1
TC_EGRESS = 2
TC_F_REPLACE = 1


class _Sized(ctypes.Structure):
    """An option struct, whose first member is its size."""

    def __init__(self, **values: object) -> None:
        super().__init__(sz=ctypes.sizeof(type(self)), **values)


class OpenOptions(_Sized):
    _fields_ = (
        ("sz", c_size_t),
        ("object_name", c_char_p),
        ("relaxed_maps", ctypes.c_bool),
        ("pin_root_path", c_char_p),
        ("unused", c_uint32),
        ("kconfig", c_char_p),
        ("btf_custom_path", c_char_p),
        ("kernel_log_buf", c_void_p),
        ("kernel_log_size", c_size_t),
        ("kernel_log_level", c_uint32),
    )


class TestRunOptions(_Sized):
    _fields_ = (
        ("sz", c_size_t),
        ("data_in", c_char_p),
        ("data_out", c_void_p),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("ctx_in", c_char_p),
        ("ctx_out", c_void_p),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("retval", c_uint32),
        ("repeat", c_int),
        ("duration", c_uint32),
        ("flags", c_uint32),
        ("cpu", c_uint32),
        ("batch_size", c_uint32),
    )


class LinkCreateOptions(_Sized):
    _fields_ = (
        ("sz", c_size_t),
        ("flags", c_uint32),
        ("iter_info", c_void_p),
        ("iter_info_len", c_uint32),
        ("target_btf_id", c_uint32),
    )


class LinkUpdateOptions(_Sized):
    _fields_ = (("sz", c_size_t), ("flags", c_uint32), ("old_prog_fd", c_uint32))


class XdpQueryOptions(_Sized):
    _fields_ = (
        ("sz", c_size_t),
        ("prog_id", c_uint32),
        ("drv_prog_id", c_uint32),
        ("hw_prog_id", c_uint32),
        ("skb_prog_id", c_uint32),
        ("attach_mode", c_uint8),
    )


class TcHook(_Sized):
    _fields_ = (("sz", c_size_t), ("ifindex", c_int), ("attach_point", c_int), ("parent", c_uint32))


class TcOptions(_Sized):
    _fields_ = (
        ("sz", c_size_t),
        ("prog_fd", c_int),
        ("flags", c_uint32),
        ("prog_id", c_uint32),
        ("handle", c_uint32),
        ("priority", c_uint32),
    )


class ProgramInfo(ctypes.Structure):
    """The first members of `struct bpf_prog_info`; the kernel fills as many as it is given room for."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("tag", c_uint8 * 8),
        ("jited_prog_len", c_uint32),
        ("xlated_prog_len", c_uint32),
        ("jited_prog_insns", c_uint64),
        ("xlated_prog_insns", c_uint64),
        ("load_time", c_uint64),
        ("created_by_uid", c_uint32),
        ("nr_map_ids", c_uint32),
        ("map_ids", c_uint64),
        ("name", ctypes.c_char * 16),
    )


class MapInfo(ctypes.Structure):
    """The first members of `struct bpf_map_info`."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("key_size", c_uint32),
        ("value_size", c_uint32),
        ("max_entries", c_uint32),
        ("map_flags", c_uint32),
        ("name", ctypes.c_char * 16),
    )


class LinkInfo(ctypes.Structure):
    """`struct bpf_link_info` as far as links to a device need it (`ifindex` is there for XDP and TCX)."""

    _fields_ = (
        ("type", c_uint32),
        ("id", c_uint32),
        ("prog_id", c_uint32),
        ("padding", c_uint32),
        ("ifindex", c_uint32),
        ("attach_type", c_uint32),
    )


_OBJECT = c_void_p
_PROTOTYPES: dict[str, tuple[object, tuple[object, ...]]] = {
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, POINTER(OpenOptions))),
    "bpf_object__load": (c_int, (_OBJECT,)),
    "bpf_object__close": (None, (_OBJECT,)),
    "bpf_object__next_program": (c_void_p, (_OBJECT, c_void_p)),
    "bpf_object__next_map": (c_void_p, (_OBJECT, c_void_p)),
    "bpf_program__name": (c_char_p, (c_void_p,)),
    "bpf_program__section_name": (c_char_p, (c_void_p,)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__set_autoload": (c_int, (c_void_p, ctypes.c_bool)),
    "bpf_program__set_ifindex": (None, (c_void_p, c_uint32)),
    "bpf_map__name": (c_char_p, (c_void_p,)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__is_internal": (ctypes.c_bool, (c_void_p,)),
    "bpf_map__type": (c_uint32, (c_void_p,)),
    "bpf_map__key_size": (c_uint32, (c_void_p,)),
    "bpf_map__value_size": (c_uint32, (c_void_p,)),
    "bpf_map__max_entries": (c_uint32, (c_void_p,)),
    "bpf_map__map_flags": (c_uint32, (c_void_p,)),
    "bpf_map__reuse_fd": (c_int, (c_void_p, c_int)),
    "bpf_map__set_pin_path": (c_int, (c_void_p, c_char_p)),
    "bpf_map__set_ifindex": (c_int, (c_void_p, c_uint32)),
    "bpf_map_create": (c_int, (c_int, c_char_p, c_uint32, c_uint32, c_uint32, c_void_p)),
    "bpf_map_lookup_elem": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_map_update_elem": (c_int, (c_int, c_void_p, c_void_p, c_uint64)),
    "bpf_map_lookup_batch": (
        c_int,
        (c_int, c_void_p, c_void_p, c_void_p, c_void_p, POINTER(c_uint32), c_void_p),
    ),
    "bpf_map_update_batch": (c_int, (c_int, c_void_p, c_void_p, POINTER(c_uint32), c_void_p)),
    "bpf_map_delete_batch": (c_int, (c_int, c_void_p, POINTER(c_uint32), c_void_p)),
    "bpf_map_delete_elem": (c_int, (c_int, c_void_p)),
    "bpf_map_get_next_key": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_map_freeze": (c_int, (c_int,)),
    "bpf_obj_pin": (c_int, (c_int, c_char_p)),
    "bpf_obj_get": (c_int, (c_char_p,)),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, POINTER(c_uint32))),
    "bpf_prog_get_fd_by_id": (c_int, (c_uint32,)),
    "bpf_prog_test_run_opts": (c_int, (c_int, POINTER(TestRunOptions))),
    "bpf_link_create": (c_int, (c_int, c_int, c_int, POINTER(LinkCreateOptions))),
    "bpf_link_detach": (c_int, (c_int,)),
    "bpf_link_update": (c_int, (c_int, c_int, POINTER(LinkUpdateOptions))),
    "bpf_xdp_query": (c_int, (c_int, c_int, POINTER(XdpQueryOptions))),
    "bpf_tc_hook_create": (c_int, (POINTER(TcHook),)),
    "bpf_tc_hook_destroy": (c_int, (POINTER(TcHook),)),
    "bpf_tc_attach": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "bpf_tc_detach": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "bpf_tc_query": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "ring_buffer__new": (c_void_p, (c_int, c_void_p, c_void_p, c_void_p)),
    "ring_buffer__poll": (c_int, (c_void_p, c_int)),
    "ring_buffer__free": (None, (c_void_p,)),
    "libbpf_num_possible_cpus": (c_int, ()),
    "libbpf_major_version": (c_uint32, ()),
    "libbpf_set_print": (c_void_p, (c_void_p,)),
}

SAMPLE_CALLBACK = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p, c_size_t)
"""`ring_buffer_sample_fn`: context, record, its size; an answer below zero ends the reading after this record."""

_PRINTER = ctypes.CFUNCTYPE(c_int, c_int, c_void_p, c_void_p)
_messages: list[str] = []


def _collect(_level: int, form: int, arguments: int) -> int:
    """libbpf's print callback. `arguments` is a va_list, handed on untouched to the C library's vsnprintf
    (on x86-64 and AArch64 alike it arrives as a pointer)."""
    room = ctypes.create_string_buffer(1 << 16)
    ctypes.CDLL(None).vsnprintf(room, c_size_t(len(room)), c_void_p(form), c_void_p(arguments))
    _messages.append(room.value.decode("utf-8", "replace"))
    return 0


_collector = _PRINTER(_collect)  # kept alive as long as the module: libbpf holds the pointer


@functools.cache
def libbpf() -> ctypes.CDLL:
    """The system's libbpf with prototypes set. KernelError when it is missing or older than 1.0."""
    hint = ("install libbpf 1.0 or newer (Debian: apt install libbpf1)",)
    try:
        library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    except OSError as problem:
        raise KernelError("libbpf.so.1 is not on this machine", hint, str(problem)) from None
    try:
        for name, (result, arguments) in _PROTOTYPES.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as problem:
        raise KernelError("this machine's libbpf is too old", hint, str(problem)) from None
    library.libbpf_set_print(ctypes.cast(_collector, c_void_p))
    return library


@contextmanager
def captured_messages() -> Iterator[list[str]]:
    """What libbpf says while the block runs, the verifier's log included, piece by piece."""
    _messages.clear()
    yield _messages


def check(doing: str, answer: int) -> int:
    """`answer` of a low-level call, or KernelError made from its -errno."""
    if answer < 0:
        raise failure_of(doing, -answer)
    return answer


def raise_memlock_limit() -> None:
    """Kernels before 5.11 charge maps to RLIMIT_MEMLOCK. A refusal matters only there, and shows at load."""
    import resource

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
