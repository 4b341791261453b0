"""``docker-compose.kafka.yml`` starts the whole system, and agrees with the rest of the repository.

No engine is needed: what it says is compared with what the program, the projections, the tests'
Kafka and the specification say.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for
from typer.main import get_command

from adapters.inbound.cli import app
from adapters.settings import Settings
from projections.catalog import PROJECTIONS
from tests.kafka.broker import COMPOSE_FILE, kafka_version
from tests.tidy_rules import ROOT

_COMPOSE: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))
_SERVICES: dict[str, dict[str, Any]] = _COMPOSE["services"]
_OURS = {name: service for name, service in _SERVICES.items() if service["image"] == "ofrecord"}
_THEIRS = {name: service for name, service in _SERVICES.items() if name not in _OURS}
_ONCE = {"migrate", "topics"}
_RUNNING = {name: service for name, service in _OURS.items() if name not in _ONCE}


def _read(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_it_is_valid_by_the_compose_specification() -> None:
    """The schema that Docker Compose itself goes by has nothing against it."""
    # Only this file of the package is used, and nothing imported.
    brought = importlib.metadata.distribution("check-jsonschema")
    path = brought.locate_file("check_jsonschema/builtin_schemas/vendor/compose-spec.json")
    schema = json.loads(Path(str(path)).read_text(encoding="utf-8"))
    errors = [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message}"
        for error in validator_for(schema)(schema).iter_errors(_COMPOSE)
    ]
    assert not errors, "\n".join(errors)


# ── What runs ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(_OURS))
def test_every_command_is_one_of_the_program(name: str) -> None:
    """A service runs a command that the command line has, with the arguments that it takes."""
    command, *arguments = _OURS[name]["command"]
    commands = get_command(app).commands  # type: ignore[attr-defined]  # it is a group
    assert command in commands, f"the program has no command {command}"
    context = commands[command].make_context(command, list(arguments))
    assert not context.args


def test_every_projection_has_a_worker_of_its_own() -> None:
    """No projection stands still because nobody follows the log for it, and none has two."""
    followed = [
        service["command"][1] for service in _OURS.values() if service["command"][0] == "worker"
    ]
    assert sorted(followed) == sorted(projection.name for projection in PROJECTIONS)


def test_every_setting_is_one_of_the_program() -> None:
    """No name is mistyped, and each value is one that the program accepts."""
    for name, service in _OURS.items():
        given = {key: str(value) for key, value in service["environment"].items()}
        settings = {key.removeprefix("OFRECORD_").lower(): given[key] for key in given}
        assert settings.keys() <= Settings.model_fields.keys(), name
        assert Settings.model_validate(settings).transport == "kafka", name


def test_what_must_be_there_first_is_waited_for() -> None:
    """Nothing starts before the tables are, and nothing that needs topics before these are."""
    made = {"condition": "service_completed_successfully"}
    for name, service in _RUNNING.items():
        waits_for = service["depends_on"]
        assert waits_for["migrate"] == made, name
        assert name in ("api", "prover") or waits_for["topics"] == made, name
        assert service["restart"] == "unless-stopped", name
    healthy = {"condition": "service_healthy"}
    assert _OURS["migrate"]["depends_on"] == {"postgres": healthy}
    assert _OURS["topics"]["depends_on"] == {"migrate": made, "kafka": healthy}


def test_whatever_goes_on_says_whether_it_is_well() -> None:
    """Every service but those that end has a health check that can fail."""
    for name, service in _SERVICES.items():
        if name not in _ONCE | {"grafana"}:  # nothing waits for the charts
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_what_is_kept_is_kept_in_named_volumes() -> None:
    """What PostgreSQL, Kafka and the prover have survives ``docker compose down``."""
    assert _SERVICES["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]
    kept = _SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert _SERVICES["kafka"]["volumes"] == [f"kafka:{kept}"]
    assert {"postgres", "kafka", "proofs"} <= _COMPOSE["volumes"].keys()


def test_the_keys_that_sign_are_kept_where_the_prover_finds_them() -> None:
    """In a volume of their own, in a folder that the image gives to the program's user."""
    prover = _OURS["prover"]
    folder = prover["environment"]["OFRECORD_DATA_FOLDER"]
    assert prover["volumes"] == [f"proofs:{folder}"]
    assert f"install -d -o ofrecord -m 700 {folder}\n" in (ROOT / "Dockerfile").read_text()


def test_what_is_mounted_is_in_the_repository() -> None:
    """A file that is not there would be mounted as an empty folder."""
    for service in _SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.partition(":")[0]
            assert not source.startswith(".") or (ROOT / source).is_file(), source


# ── What is safe ───────────────────────────────────────────────────────────────────────────────


def test_there_is_no_secret_and_none_is_needed() -> None:
    """Nothing in it is a password, and nobody must set one before the first start."""
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    assert not re.search(r"(?i)^\s*-?\s*\w*(password|secret|token|_key)\w*\s*[:=]", text, re.M)
    assert "${" not in text
    assert not _COMPOSE.get("secrets")


def test_what_asks_for_no_password_is_reached_from_inside_only() -> None:
    """PostgreSQL, Kafka and the workers publish nothing, on a network that has no way out."""
    assert _COMPOSE["networks"]["inside"] == {"internal": True}
    open_to_the_host = {name for name, service in _SERVICES.items() if "ports" in service}
    assert open_to_the_host == {"api", "prometheus", "grafana"}
    for name, service in _SERVICES.items():
        allowed = ["inside", "outside"] if name in open_to_the_host else ["inside"]
        assert service["networks"] == allowed, name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", [])), name


def test_the_program_runs_with_the_least_rights() -> None:
    """It is no root, has no capability, and writes nowhere but into memory."""
    for name, service in _OURS.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
    instructions = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert "USER ofrecord" in instructions


def test_images_are_pinned_and_ours_is_built_here() -> None:
    """No image changes by itself, and none that is named as ours comes from elsewhere."""
    for name, service in _THEIRS.items():
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+(\.\d+)?(-\w+)?", service["image"]), name
    built = {name for name, service in _OURS.items() if "build" in service}
    assert built == {"migrate"}
    assert _OURS["migrate"]["pull_policy"] == "build"
    assert all(_OURS[name]["pull_policy"] == "never" for name in _OURS if name not in built)


def test_the_image_is_what_the_lock_says() -> None:
    """One Python, the Makefile's uv, and nothing resolved anew."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    bases = re.findall(r"^FROM (\S+)", text, re.M)
    assert len(set(bases)) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases[0])
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r"uv==(\S+)", text) == re.findall(r"^UV_VERSION := (\S+)", makefile, re.M)
    assert all("--frozen --no-dev" in line for line in text.splitlines() if "uv sync" in line)


def test_only_the_program_goes_into_the_image() -> None:
    """No data, no keys and no ``.env`` are copied; every folder of the wheel is."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    packages = re.search(r"^packages = (\[.*\])$", (ROOT / "pyproject.toml").read_text(), re.M)
    assert packages is not None
    let_in = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert let_in == {"pyproject.toml", "uv.lock", "README.md", *json.loads(packages[1])}


# ── What goes by it ────────────────────────────────────────────────────────────────────────────


def test_the_tests_have_the_kafka_of_the_compose_file() -> None:
    """Kafka's version stands in the compose file and nowhere else."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", kafka_version())
    pom = (ROOT / "tests" / "kafka" / "pom.xml").read_text(encoding="utf-8")
    assert pom.count("<version>${kafka.version}</version>") == 2
    assert kafka_version() not in pom
