"""A policy that remembers, compiled and loaded with its counters: what it counted, what its maps hold and weigh.

In: the text of the rules. Out: `StatefulPolicy`, whose XDP program a packet source drives.
"""

from __future__ import annotations

import ctypes
import re
import struct
from collections.abc import Iterable
from ipaddress import IPv4Address
from pathlib import Path
from types import TracebackType

from bench.objects import OUR_PROGRAM

from ebpfc.compiler.pipeline import Options, compile_text
from ebpfc.compiler.toolchain.build import build_object
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.runtime.counters import COUNTERS_MAP, CounterReader, possible_cpus
from ebpfc.runtime.libbpf import check, libbpf
from ebpfc.runtime.map_entries import MapEntries
from ebpfc.runtime.object import load_object

ENTRY = struct.Struct("=QQQ")
"""A table's value: expires (ns), packets, bytes (docs/adr/0003, rule 21)."""
_MEMLOCK = re.compile(r"^memlock:\s*(\d+)$", re.MULTILINE)


class StatefulPolicy:
    """`kernel` as `--kernel` has it; the clock is the kernel's own."""

    def __init__(self, text: str, compiler: Compiler, kernel: tuple[int, int] | None = None) -> None:
        compiled = compile_text(text, Options(kernel=kernel))
        self._loaded = load_object(build_object(compiled, compiler))
        self._counted = compiled.manifest.get("state_counters") or {"map": "", "names": []}
        self._rules = CounterReader(self._loaded.maps[COUNTERS_MAP].fd)
        self.fd = self._loaded.programs[OUR_PROGRAM].fd

    def counted(self, name: str) -> int:
        """One of the manifest's `state_counters`, over all CPUs: `table banned refused`, `limiter 0 within`."""
        place = self._counted["names"].index(name)
        room = ctypes.create_string_buffer(8 * possible_cpus())
        fd = self._loaded.maps[self._counted["map"]].fd
        check("read a counter", libbpf().bpf_map_lookup_elem(fd, struct.pack("=I", place), room))
        return sum(number for (number,) in struct.iter_unpack("=Q", room.raw))

    def decided(self, rule: int) -> int:
        """Packets for which a rule held, of XDP alone; the number of rules: those that none decided."""
        return self._rules.read()[rule].packets

    def entries(self, map_name: str) -> MapEntries:
        return MapEntries(self._loaded.maps[map_name].fd, map_name)

    def memory(self) -> int:
        """Bytes of all maps, as the kernel accounts for them at this moment (`memlock` of a map's fdinfo)."""
        return sum(_memlock(m.fd) for m in self._loaded.maps.values())

    def close(self) -> None:
        self._loaded.close()

    def __enter__(self) -> StatefulPolicy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def address_key(address: str) -> bytes:
    """The words of an IPv4 address as a key has them (docs/adr/0003, rule 3)."""
    return struct.pack(">5I", 4, int(IPv4Address(address)), 0, 0, 0)


def ban(entries: MapEntries, addresses: Iterable[str], expires: int = 0) -> None:
    """Fills a table of sources. OSError where there is no room."""
    keys = [address_key(address) for address in addresses]
    if entries.put_all(keys, [ENTRY.pack(expires, 0, 0)] * len(keys)) < len(keys):
        raise OSError("the table has no room")


def _memlock(fd: int) -> int:
    found = _MEMLOCK.search(Path(f"/proc/self/fdinfo/{fd}").read_text("ascii"))
    return int(found[1]) if found else 0
