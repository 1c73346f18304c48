"""Writes `edgeenh/bundle/manifest_validator.py` from `manifest.schema.json`: `python tests/runtime/bundle/manifest_validator/generate.py`.

fastjsonschema turns the schema into Python. Doing that on every start would take more time than all other checks of a bundle
together, so it is done here, once, and a test holds the file to the schema. Two things of its text are changed: a failure carries
what the broken rule asks for instead of the whole schema around it, and is an exception of edgeenh.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

import fastjsonschema

BUNDLE = Path(__file__).parents[4] / "runtime" / "edgeenh" / "bundle"
SCHEMA = BUNDLE / "manifest.schema.json"
VALIDATOR = BUNDLE / "manifest_validator.py"

HEADER = '''"""The manifest's JSON Schema as Python. Made by tests/runtime/bundle/manifest_validator/generate.py; do not edit."""
# mypy: ignore-errors
# ruff: noqa

from __future__ import annotations

'''


class _Shorter(ast.NodeTransformer):
    """Drops fastjsonschema's imports, and of every failure what is not said to anybody."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module != "fastjsonschema":
            return node
        return ast.parse("from edgeenh.bundle.schema_failure import SchemaFailure").body[0]

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        node.type = ast.Name("SchemaFailure")  # the one it names with another is for a mode that is not used
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return None if ast.unparse(node.targets[0]) == "VERSION" else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id == "JsonSchemaValueException"):
            return node
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        rule = ast.literal_eval(given["rule"])
        asked = (
            ast.Constant(None)
            if rule is None
            else ast.parse(repr(ast.literal_eval(given["definition"])[rule])).body[0].value
        )
        words = {"value": given["value"], "name": given["name"], "rule": given["rule"], "asked": asked}
        return ast.Call(ast.Name("SchemaFailure"), [], [ast.keyword(name, value) for name, value in words.items()])


def generate() -> str:
    """The module's text."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    tree = ast.parse(fastjsonschema.compile_to_code(schema, use_default=False))
    shorter = ast.fix_missing_locations(_Shorter().visit(tree))
    function = next(node.name for node in shorter.body if isinstance(node, ast.FunctionDef))
    return f"{HEADER}{ast.unparse(shorter)}\n\n\nvalidate = {function}\n"


if __name__ == "__main__":
    VALIDATOR.write_text(generate(), "utf-8")
