"""The whole step from C to the finished object: same bytes, a true manifest, two readers of layouts that agree."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from ebpfc.compiler.toolchain import build
from ebpfc.compiler.toolchain.btf import FieldRecord, MapRecord, Record
from ebpfc.compiler.toolchain.build import CompiledPolicy, build_object
from ebpfc.compiler.toolchain.elf import NOTE_SECTION, decode_note, read_elf
from ebpfc.compiler.toolchain.errors import ToolchainError
from ebpfc.compiler.toolchain.find import Compiler
from ebpfc.compiler.toolchain.inspect import inspect_object
from ebpfc.compiler.toolchain.libclang import ParsedC, parse_c, presumed_place
from ebpfc.compiler.toolchain.manifest import encode_manifest
from ebpfc.runtime.manifest import manifest_of

COUNTER = Record("pf_counter", 16, (FieldRecord("packets", 0, 8), FieldRecord("bytes", 8, 8)))


def manifest_in(made: bytes) -> dict[str, Any]:
    note = next(section.data for section in read_elf(made).sections if section.name == NOTE_SECTION)
    content = decode_note(note)
    assert content is not None
    found = json.loads(content)
    assert isinstance(found, dict)
    return found


def test_same_policy_same_bytes(policy: CompiledPolicy, each_compiler: Compiler) -> None:
    assert build_object(policy, each_compiler) == build_object(policy, each_compiler)


def test_the_object_does_not_depend_on_libclang(
    policy: CompiledPolicy, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = build_object(policy, compiler)
    monkeypatch.setitem(sys.modules, "clang", None)
    assert parse_c(policy.c_text) is None
    assert build_object(policy, compiler) == first


def test_the_manifest_is_completed(policy: CompiledPolicy, each_compiler: Compiler) -> None:
    found = manifest_in(build_object(policy, each_compiler))
    assert found["compiler"] == {"name": each_compiler.name, "version": each_compiler.version_text}
    assert found["maps"] == [
        {
            "name": "pf_counters",
            "type": "percpu_array",
            "max_entries": 2,
            "key": {"name": "u32", "size": 4, "fields": []},
            "value": {
                "name": "pf_counter",
                "size": 16,
                "fields": [{"name": "packets", "offset": 0, "size": 8}, {"name": "bytes", "offset": 8, "size": 8}],
            },
        }
    ]
    assert {key: found[key] for key in policy.manifest} == json.loads(encode_manifest(policy.manifest))


def test_the_runtime_reads_what_the_compiler_writes(policy: CompiledPolicy, compiler: Compiler) -> None:
    found = manifest_of(build_object(policy, compiler))
    assert found.policy == "rules"
    assert [rule.text for rule in found.rules] == ["drop proto 6"]
    assert [(counter.kind, counter.rule) for counter in found.counters] == [("rule", 0), ("default", None)]
    assert found.kernel == (5, 10)


@pytest.mark.parametrize(
    "text", ["*/", "\n\n", "\\", "??/", '"', "\0", "\u2028\u202e", "\ud800", "\x1b[31m", "x" * 100000]
)
def test_any_string_is_data_in_a_manifest(policy: CompiledPolicy, compiler: Compiler, text: str) -> None:
    manifest = {**policy.manifest, "policy": text}
    made = build_object(dataclasses.replace(policy, manifest=manifest), compiler)  # type: ignore[type-var]
    assert manifest_in(made)["policy"] == text


def test_libclang_and_btf_agree_on_layouts(policy: CompiledPolicy) -> None:
    parsed = parse_c(policy.c_text)
    assert parsed is not None
    assert parsed.findings == ()
    assert parsed.records["pf_counter"] == COUNTER


def test_a_disagreement_on_layouts_is_no_object(
    policy: CompiledPolicy, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Record("pf_counter", 16, (FieldRecord("packets", 8, 8), FieldRecord("bytes", 0, 8)))
    monkeypatch.setattr(build, "parse_c", lambda _text: ParsedC((), {"pf_counter": other}))
    with pytest.raises(ToolchainError) as caught:
        build_object(policy, compiler)
    assert caught.value.diagnostic.code == "PF0906"


def test_refused_c_names_the_rule(policy: CompiledPolicy, compiler: Compiler) -> None:
    broken = dataclasses.replace(policy, c_text=policy.c_text.replace("== 6 &&", "=== 6 &&"))  # type: ignore[type-var]
    with pytest.raises(ToolchainError) as caught:
        build_object(broken, compiler)
    found = caught.value.diagnostic
    assert found.code == "PF0905"
    assert any("rules.pf, line 3" in hint for hint in found.hints)


@pytest.mark.parametrize(
    ("line", "place"),
    [(1, ("policy.c", 1)), (2, ("policy.c", 2)), (3, ("0-a.pf", 7)), (4, ("0-a.pf", 8)), (6, ("0-a.pf", 90))],
)
def test_places_follow_line_directives(line: int, place: tuple[str, int]) -> None:
    assert presumed_place('int a;\n#line 7 "0-a.pf"\nint b;\nint c;\n  # line 90\nint d;\n', line) == place


def test_garbage_instead_of_an_object(policy: CompiledPolicy, fake_compiler: Callable[[str], Compiler]) -> None:
    for body in ("printf garbage > out.o", "cp /bin/true out.o"):
        with pytest.raises(ToolchainError) as caught:
            build_object(policy, fake_compiler(body))
        assert caught.value.diagnostic.code == "PF0906"


def test_more_functions_than_the_kernel_takes(compiler: Compiler, policy: CompiledPolicy) -> None:
    """257 with the program itself; one less is built."""

    def built(count: int) -> bytes:
        numbers = range(count)
        functions = "".join(f"__attribute__((noinline)) int f{n}(int x) {{ return x * {n + 3}; }}\n" for n in numbers)
        calls = " + ".join(f"f{n}(x)" for n in numbers)
        program = f'SEC("xdp") int pf_more(int *c) {{ int x = *c; return {calls}; }}\n'
        c_text = f"{policy.c_text}\n{functions}{program}"
        return build_object(dataclasses.replace(policy, c_text=c_text), compiler)  # type: ignore[type-var]

    more = next(p for p in inspect_object(built(255)).programs if p.name == "pf_more")
    assert more.functions == 256
    with pytest.raises(ToolchainError, match="pf_more needs 257 functions, and the kernel takes 256"):
        built(256)


def test_keys_without_a_struct_and_sizes_without_a_type(compiler: Compiler, policy: CompiledPolicy) -> None:
    c_text = policy.c_text.replace(
        'const volatile u32 t_table',
        'struct key { u32 a; u8 b[6]; u8 rest[2]; };\n'
        'struct { __uint(type, 1); __uint(max_entries, 9); __type(key, struct key); __uint(value_size, 12); }\n'
        'm_odd SEC(".maps");\nconst volatile u32 t_table',
    )  # fmt: skip
    made = build_object(dataclasses.replace(policy, c_text=c_text), compiler)  # type: ignore[type-var]
    key = Record("key", 12, (FieldRecord("a", 0, 4), FieldRecord("b", 4, 6), FieldRecord("rest", 10, 2)))
    assert inspect_object(made).maps[0] == MapRecord("m_odd", "hash", 9, key, Record("", 12))
