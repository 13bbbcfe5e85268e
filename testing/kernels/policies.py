"""What is compiled for other kernels. In: how many random policies. Out: `Policy`s: the examples, the bench's, random
ones at all three hooks, random ones that remember, and large ones.

They are the same every time. Nothing here needs root or a kernel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from ebpfc.compiler.pipeline import Compiled, Options, SourceInput, compile_policy, compile_text
from ebpfc.testing.agreement import HOOKS
from ebpfc.testing.kernels.large import REMEMBERING, any_shape, five_tuple, large_policy, remembering
from ebpfc.testing.pool import NETMASK
from ebpfc.testing.random_policies import random_policy
from ebpfc.testing.random_state import random_stateful_policy

ROOT: Final = Path(__file__).resolve().parents[2]
LARGE: Final = (60, 300, 1000)
"""Rules of the large policies."""
LARGE_REMEMBERING: Final = (60, 300)
"""Rules of those among them that remember."""
KEPT: Final = """\
hook xdp, tc ingress
default drop
track tcp_established 1h tcp_syn_sent 1h tcp_syn_recv 1h tcp_fin_wait 1h tcp_close_wait 1h tcp_last_ack 1h \
tcp_time_wait 1h tcp_close 1h udp 1h udp_stream 1h icmp 1h icmpv6 1h generic 1h
table seen key (src, proto) timeout 1h
table nets key src net timeout 1h size 4k
limit few 3/h per src burst 3
pass arp
repeated: pass tcp and (src, proto) in seen and state established
often: drop udp over few then log "over", add src to nets
drop state invalid then log 64 bytes
pass src in nets
pass state new then add (src, proto) to seen
pass state established
pass state related
"""
"""For real frames: nothing that it remembers is over before an hour is."""
_LARGE: Final = 100  # rules; beyond, the reference takes minutes for all frames
_WIRED: Final = frozenset(
    ("examples-edge", "examples-tc", "examples-trunk", "kept", *(f"random-{n}" for n in range(3, 20)))
)


@dataclass(frozen=True, slots=True)
class Policy:
    """`path`: rules in a file. `text`: rules in none. `large`: given few frames, for the reference's sake."""

    name: str
    path: Path | None = None
    text: str = ""
    large: bool = False

    @property
    def wire(self) -> bool:
        """Few, for attaching takes time, and none that asks for the number of a device that is yet to be made."""
        return self.name in _WIRED and "ifindex" not in self.text

    def compile(self, traced: bool, kernel: tuple[int, int] | None = None) -> Compiled:
        """To load on this kernel, None: on the oldest on which it runs as fast as it can. Raises PolicyError."""
        options = Options(kernel=kernel, trace=traced, netmask=NETMASK)
        if self.path is None:
            return compile_text(self.text, options)
        return compile_policy(SourceInput(path=str(self.path)), options)


def policies(random: int, stateful: int) -> Iterator[Policy]:
    """So many random ones that remember nothing, and that do; every other of them asks for all encapsulations."""
    for folder in ("examples", "bench/policies"):
        for path in sorted((ROOT / folder).glob("*.pf")):
            yield Policy(f"{folder.partition('/')[0]}-{path.stem}", path)
    for seed in range(random):
        text, _ = random_policy(Random(seed), HOOKS, rules=1 + seed % 20, netmask=True, wide=seed % 2 == 1)
        yield Policy(f"random-{seed}", text=text)
    for seed in range(stateful):
        # One hook or all three; two of three track connections.
        hooks = HOOKS if seed % 4 == 3 else HOOKS[seed % 4 :][:1]
        rules, track = 1 + seed % 8, seed % 3 > 0
        text, _ = random_stateful_policy(Random(seed), hooks, rules, wide=seed % 2 == 1, track=track)
        yield Policy(f"stateful-{seed}", text=text)
    yield Policy("kept", text=KEPT)
    for rules in LARGE:
        yield Policy(f"alike-{rules}", text=large_policy(rules, five_tuple), large=rules > _LARGE)
        yield Policy(f"mixed-{rules}", text=large_policy(rules, any_shape), large=rules > _LARGE)
    for rules in LARGE_REMEMBERING:
        text = large_policy(rules, remembering, REMEMBERING)
        yield Policy(f"remembering-{rules}", text=text, large=rules > _LARGE)
