"""Claims about the repository as a whole."""

import ast
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PACKAGES = {"flows", "tasks", "blocks", "lipsync", "data", "tests"}
STAGES = (
    "probe",
    "normalize",
    "select",
    "fit",
    "submit",
    "collect",
    "finish",
    "disclose",
    "verify",
    "report",
)
# A form without any answer given: a person decides.
ASKED = {"approve", "review"}
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())[
    "deployments"
]


def test_no_flow_file_shadows_a_package() -> None:
    """Prefect puts flows/ first on sys.path when it loads `flows/x.py:x`."""
    names = {path.stem for path in (ROOT / "flows").iterdir()} - {"__init__", "__pycache__"}
    assert not names & (PACKAGES | set(sys.stdlib_module_names) | {"prefect"})


def test_data_is_never_a_package() -> None:
    assert not (ROOT / "data" / "__init__.py").exists()


@pytest.mark.parametrize("word", STAGES)
def test_a_stage_is_one_word_in_every_folder(word: str) -> None:
    assert (ROOT / "tasks" / f"{word}.py").is_file()
    assert (ROOT / "lipsync" / f"{word}.py").is_file()


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda row: row["name"])
def test_every_deployment_loads_and_its_parameters_are_valid(deployment: dict[str, Any]) -> None:
    from prefect.flows import load_flow_from_entrypoint

    flow: Any = load_flow_from_entrypoint(deployment["entrypoint"], use_placeholder_flow=False)
    if deployment["name"] in ASKED:
        assert "parameters" not in deployment
        assert flow.parameters.required
        return
    given = deployment.get("parameters", {})
    valid = flow.validate_parameters(given)
    assert valid.keys() == given.keys()


def test_a_flow_body_has_no_try_and_no_arithmetic() -> None:
    for path in (ROOT / "flows").glob("dub*.py"):
        flows = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef)
            and any("flow" in ast.unparse(mark) for mark in node.decorator_list)
        ]
        assert flows
        for flow in flows:
            nodes = [node for line in flow.body for node in ast.walk(line)]
            assert not [node for node in nodes if isinstance(node, ast.Try | ast.BinOp)]
