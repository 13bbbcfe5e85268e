"""Checked policy → IR: `policy` (rules, blocks, hooks), `match` (chains), `atoms` (a test), `state`, `values`."""

from ebpfc.compiler.lower.policy import companion_of as companion_of
from ebpfc.compiler.lower.policy import lower as lower
from ebpfc.compiler.lower.policy import lower_state as lower_state
from ebpfc.compiler.lower.policy import lower_with_state as lower_with_state
