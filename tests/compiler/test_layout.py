"""The layout of generated C: tabs by braces, nothing that a template left empty, no braces round one statement."""

import pytest

from ebpfc.compiler.codegen.layout import lay_out

CASES = {
    "tabs": (
        "int f(void)\n{\nif (a)\nreturn 1;\nreturn 0;\n}",
        "int f(void)\n{\n\tif (a)\n\t\treturn 1;\n\treturn 0;\n}",
    ),
    "one statement": ("{\nif (a) {\nx = 1;\n}\ny = 2;\n}", "{\n\tif (a)\n\t\tx = 1;\n\ty = 2;\n}"),
    "two statements": ("{\nif (a) {\nx = 1;\ny = 2;\n}\n}", "{\n\tif (a) {\n\t\tx = 1;\n\t\ty = 2;\n\t}\n}"),
    "two statements of one line": (
        "{\nif (a) {\nx = 1; y = 2;\n}\n}",
        "{\n\tif (a) {\n\t\tx = 1; y = 2;\n\t}\n}",
    ),
    "a declaration keeps its braces": ("{\nif (a) {\nu32 x = 1;\n}\n}", "{\n\tif (a) {\n\t\tu32 x = 1;\n\t}\n}"),
    "an if within keeps them": ("{\nif (a) {\nif (b)\nx = 1;\n}\n}", "{\n\tif (a) {\n\t\tif (b)\n\t\t\tx = 1;\n\t}\n}"),
    "an else keeps them": (
        "{\nif (a) {\nx = 1;\n} else {\nx = 2;\n}\n}",
        "{\n\tif (a) {\n\t\tx = 1;\n\t} else {\n\t\tx = 2;\n\t}\n}",
    ),
    "an empty else goes": (
        "{\nif (a) {\nx = 1;\ny = 2;\n} else {\n}\n}",
        "{\n\tif (a) {\n\t\tx = 1;\n\t\ty = 2;\n\t}\n}",
    ),
    "an empty if turns": ("{\nif (a && b) {\n} else {\nx = 2;\n}\n}", "{\n\tif (!(a && b))\n\t\tx = 2;\n}"),
    "braces in comments do not count": ("{\n// if vlan 1 {\nx = 1;\n}", "{\n\t// if vlan 1 {\n\tx = 1;\n}"),
    "a blank line is asked for": ("{\nu32 x;\n~\nx = 1;\n\n}", "{\n\tu32 x;\n\n\tx = 1;\n}"),
}


@pytest.mark.parametrize(("written", "laid_out"), CASES.values(), ids=CASES.keys())
def test_layout(written: str, laid_out: str) -> None:
    assert lay_out(written) == laid_out + "\n"
