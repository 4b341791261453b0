"""What can be set from outside: environment variables ``OFRECORD_…``, or a file ``.env``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.notes import require_key_name


class Settings(BaseSettings):
    """Everything has a default: without any setting the embedded PostgreSQL serves ``./data``."""

    model_config = SettingsConfigDict(
        env_prefix="OFRECORD_",
        env_file=".env",
        env_ignore_empty=True,  # an empty data folder would be the current one
        extra="ignore",
        frozen=True,
    )

    data_folder: Path = Path("data")
    """Where the embedded PostgreSQL, its log and the demonstration's keys are kept."""
    database_url: str | None = None
    """An existing PostgreSQL to use instead of the embedded one (a libpq connection string)."""
    host: str = "127.0.0.1"
    """The address the HTTP API listens on."""
    port: int = Field(default=8377, ge=0, le=65535)
    """The port the HTTP API listens on; 0 takes a free one."""
    transport: Literal["embedded", "kafka"] = "embedded"
    """How events reach the projections: in the serving process, or over Kafka with workers."""
    kafka_servers: str = "localhost:9092"
    """Where Kafka is asked first, for the transport ``kafka``: ``host:port``, by commas."""
    worker_session_seconds: float = Field(default=10.0, ge=1.0, le=60.0)
    """A worker that Kafka has not heard of for so long has lost its partitions."""
    verify_percent: float = Field(default=3.0, ge=0.0, le=100.0)
    """Of a core, for comparing the projections with the log while serving; 0: not at all."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """The port of Prometheus metrics and of health, on ``host``; unset: none."""
    proof_origin: str = "ofrecord.localhost/log"
    """The name of the log in its checkpoints, and of the keys that sign them."""
    proof_keys: Path | None = None
    """Where the keys are that sign checkpoints; unset: ``proof-keys`` in the data folder."""
    publish_checkpoints: Path | None = None
    """A folder where the prover puts checkpoints, for others to keep; unset: nowhere."""
    publish_seconds: int = Field(default=3600, ge=1)
    """How often it puts the newest one there."""
    log_format: Literal["people", "json"] = "people"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    demonstration_clients: int = Field(default=25, ge=0)
    """Simulated clients loaded beside Harbor Bakery when the log is empty; 0 loads neither."""

    @property
    def proof_keys_folder(self) -> Path:
        """Where the keys are that sign checkpoints."""
        return self.proof_keys or self.data_folder / "proof-keys"

    @property
    def proves_when_serving(self) -> bool:
        """Whether ``serve`` proves: beside another's database only where keys are set for it."""
        return self.database_url is None or self.proof_keys is not None

    @field_validator("proof_origin")
    @classmethod
    def _key_name(cls, name: str) -> str:
        require_key_name(name)
        return name

    @field_validator("database_url")
    @classmethod
    def _connection_string(cls, url: str | None) -> str | None:
        try:
            conninfo_to_dict(url or "")
        except ProgrammingError:
            raise ValueError("not a libpq connection string") from None
        return url
