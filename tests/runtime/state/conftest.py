"""A policy with tables, limiters and events, written by hand in C and given a manifest; attached where a test asks.

IPv4 at XDP: a source in `banned` or `feeds` (longest prefix) is dropped and counted in its entry; a (source, UDP port)
in `pairs` too; every ICMP packet is logged with its first bytes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from ebpfc.compiler.toolchain.cc import compile_c
from ebpfc.compiler.toolchain.elf import finish_object
from ebpfc.compiler.toolchain.find import find_compiler

STATE_C = """
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
#define SEC(name) __attribute__((section(name), used))
#define UINT(name, value) int (*name)[value]

struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct entry { u64 expires, packets, bytes; };
struct address { u32 words[5]; };
struct prefix { u32 length; u32 words[5]; };
struct pair { u32 words[6]; };
struct event {
    u64 time, length;
    u32 rule, ifindex;
    u16 log, captured;
    u8 hook, verdict, pad[2], data[64];
};
struct { UINT(type, BANNED); UINT(max_entries, SIZE); struct address *key; struct entry *value; } t_banned SEC(".maps");
struct { UINT(type, 11); UINT(max_entries, SIZE); UINT(map_flags, 1); struct prefix *key; struct entry *value; }
    t_feeds SEC(".maps");
struct { UINT(type, 1); UINT(max_entries, 4); struct pair *key; struct entry *value; } t_pairs SEC(".maps");
struct { UINT(type, 6); UINT(max_entries, 10); u32 *key; u64 *value; } pf_state SEC(".maps");
struct { UINT(type, 27); UINT(max_entries, RING); } pf_events SEC(".maps");
struct { UINT(type, 1); UINT(max_entries, 16); struct address *key; u64 *value; } l_1 SEC(".maps");

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static void *(*bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;

static inline __attribute__((always_inline)) void count(u32 index)
{
    u64 *c = bpf_map_lookup_elem(&pf_state, &index);
    if (c)
        (*c)++;
}

static inline __attribute__((always_inline)) int holds(struct entry *e, u64 size)
{
    if (!e || (e->expires && e->expires <= bpf_ktime_get_ns()))
        return 0;
    __sync_fetch_and_add(&e->packets, 1);
    __sync_fetch_and_add(&e->bytes, size);
    return 1;
}

SEC("xdp") int pf_xdp(struct xdp_md *ctx)
{
    u8 *data = (u8 *)(u64)ctx->data, *end = (u8 *)(u64)ctx->data_end;
    u64 size = end - data;
    struct pair pair = {};
    struct prefix prefix = { .length = 32 + 128 };
    if (data + 42 > end || data[12] != 8 || data[13] != 0)
        return 2;
    pair.words[0] = __builtin_bswap32(4);
    __builtin_memcpy(&pair.words[1], data + 26, 4);
    if (data[23] == 1) {
        struct event *e = bpf_ringbuf_reserve(&pf_events, sizeof(*e), 0);
        if (!e) {
            count(6);
        } else {
            e->time = bpf_ktime_get_ns();
            e->length = size;
            e->rule = EVENT_RULE;
            e->ifindex = ctx->ingress_ifindex;
            e->log = 0;
            e->captured = 42;
            e->hook = 0;
            e->verdict = 2;
            __builtin_memcpy(e->data, data, 42);
            bpf_ringbuf_submit(e, 0);
        }
    }
    count(1);
    count(4);
    if (holds(bpf_map_lookup_elem(&t_banned, &pair), size))
        return 1;
    __builtin_memcpy(prefix.words, pair.words, 20);
    if (holds(bpf_map_lookup_elem(&t_feeds, &prefix), size))
        return 1;
    if (data[23] == 17) {
        pair.words[5] = __builtin_bswap32(data[36] << 8 | data[37]);
        if (holds(bpf_map_lookup_elem(&t_pairs, &pair), size))
            return 1;
    }
    bpf_map_lookup_elem(&l_1, &pair);
    return 2;
}

char _license[] SEC("license") = "GPL";
"""

ADDRESS = {"field": "src", "kind": "address", "words": 5}
PORT = {"field": "dst port", "kind": "number", "words": 1}
TABLE = {"net": False, "timeout": None, "evict": True, "key": [ADDRESS]}
SIZE = 65_536

Objects = Callable[..., Path]


def state_manifest(size: int = SIZE) -> dict[str, Any]:
    """New at each call, for tests that change theirs."""
    return deepcopy(_manifest(size))


def _manifest(size: int) -> dict[str, Any]:
    rule = {"file": "rules.pf", "column": 1, "name": None}
    return {
        "version": 1,
        "ebpfc": "0.1.0",
        "kernel": "5.10",
        "options": {},
        "policy": "state",
        "hooks": [{"hook": "xdp", "program": "pf_xdp", "section": "xdp"}],
        "rules": [
            {**rule, "number": 0, "line": 7, "text": 'drop icmp then log "ping"', "actions": ["drop", 'log "ping"']},
            {**rule, "number": 1, "line": 8, "text": "drop udp over 10/s per src", "actions": ["drop"]},
        ],
        "counters": [],
        "defaults": {"inbound": "pass", "outbound": "pass"},
        "flags": {"looks_at_tags": False},
        "maps": [],
        "compiler": {"name": "clang", "version": "22.1.8"},
        "tables": [
            {**TABLE, "name": "banned", "map": "t_banned", "size": size, "timeout": 600 * 10**9},
            {**TABLE, "name": "feeds", "map": "t_feeds", "size": size, "net": True},
            {**TABLE, "name": "pairs", "map": "t_pairs", "size": 4, "key": [ADDRESS, PORT]},
        ],
        "limits": [
            {"name": None, "rule": 1, "text": "over 10/s per src", "map": "l_1", "key": [ADDRESS], "size": 16}
        ],
        "events": {"map": "pf_events", "logs": [{"rule": 0, "text": "ping", "bytes": 64}]},
        "state_counters": {
            "map": "pf_state",
            "names": [
                "table banned added", "table banned refused", "table feeds added", "table feeds refused",
                "limiter 0 within", "limiter 0 over", "lost", "limiter 0 full",
            ],
        },
    }  # fmt: skip


@pytest.fixture
def manifest() -> Callable[..., dict[str, Any]]:
    """manifest(size=65536): what that object's note says."""
    return state_manifest


@pytest.fixture(scope="session")
def stateful(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """stateful(size=65536, ring=4096, lru=True, event_rule=0, **manifest changes) -> a file with that object."""
    compiler = find_compiler(None)
    folder = tmp_path_factory.mktemp("stateful")

    def build(size: int = SIZE, ring: int = 4096, lru: bool = True, event_rule: int = 0, **changes: Any) -> Path:
        flags = (f"-DSIZE={size}", f"-DRING={ring}", f"-DBANNED={9 if lru else 1}", f"-DEVENT_RULE={event_rule}")
        plain = compile_c(STATE_C, [("0-rules.pf", b"\n" * 9)], compiler, flags=(*flags, "-Wno-unused"))
        path = folder / f"{len(list(folder.iterdir()))}.o"
        manifest = json.dumps(state_manifest(size) | changes, sort_keys=True).encode()
        path.write_bytes(finish_object(plain, manifest))
        return path

    return build
